import { existsSync } from "node:fs";
import type {
  OciDeviceCgroup,
  OciHook,
  OciLinux,
  OciLinuxDevice,
  OciNamespace,
  OciSpec,
} from "../../../src/core/oci/spec.js";
import { badArgument } from "../errors.js";
import { findNode } from "../machine/block-devices.js";
import type { AgentRoots } from "../roots.js";

/** What the guest puts into the specification of every container. */
export interface GuestSpecContext {
  readonly roots: AgentRoots;
  readonly containerId: string;
  /** Namespaces the sandbox's containers share, by kind, each as a path. */
  readonly sharedNamespaces: Readonly<Partial<Record<string, string>>>;
  /** Hooks of the guest's image, by kind. */
  readonly guestHooks: Readonly<Record<string, readonly OciHook[]>>;
  /** Devices plugged into the machine for this container, by their path in it. */
  readonly devices: ReadonlyMap<string, OciLinuxDevice>;
  /** Rules for devices whose nodes are mounted into the container. */
  readonly boundDevices: readonly OciDeviceCgroup[];
}

/** What a container gets, and what the agent has to do itself for it. */
export interface GuestSpec {
  readonly spec: OciSpec;
  /** Settings of the network, which is the guest's own: the agent writes them. */
  readonly networkSysctls: Readonly<Record<string, string>>;
}

/** Devices every container may use (the runtime specification's defaults), and pseudoterminals. */
const commonDevices: readonly OciDeviceCgroup[] = [
  ...[3, 5, 7, 8, 9].map((minor) => character(1, minor)),
  ...[0, 1, 2].map((minor) => character(5, minor)),
  { allow: true, type: "c", major: 136, access: "rwm" },
];

function character(major: number, minor: number): OciDeviceCgroup {
  return { allow: true, type: "c", major, minor, access: "rwm" };
}

/**
 * The version that is told to the guest's runtime, whatever the host's is: the agent's protocol carries the fields of that one
 * alone, and a runtime refuses versions that came after it (crun 1.8 all but 1.0, containerd 2.3 says 1.3).
 */
const ociVersion = "1.0.2";

/** Annotations that would have crun do more than the specification says. */
const runtimeAnnotation = /^(run\.oci|org\.criu|module\.wasm)\./;

/** Where a container's control group is, whatever the host's is called. */
export const containerCgroup = (containerId: string): string => `/kata/${containerId}`;

/**
 * The specification as the guest's OCI runtime gets it: what belongs to the host is taken out, what all containers of the
 * guest share is put in. `KATA_GUEST_ARGUMENT` names a field that makes a container impossible.
 */
export function guestSpec(spec: OciSpec, context: GuestSpecContext): GuestSpec {
  const { process, root, linux = {}, annotations = {}, hooks: _hooks, ...rest } = spec;
  if (process === undefined) throw badArgument("process of the specification", process, "an object");
  if ((process.args ?? []).length === 0) throw badArgument("process.args", process.args, "a list with a program in it");
  if (!process.cwd.startsWith("/")) throw badArgument("process.cwd", process.cwd, "an absolute path");
  if (root === undefined || !root.path.startsWith("/")) {
    throw badArgument("root.path", root?.path, "an absolute path in the guest");
  }
  const { apparmorProfile: _apparmor, selinuxLabel, ...guestProcess } = process;
  const hasSelinux = existsSync(`${context.roots.sys}/fs/selinux/enforce`);
  const { network, others } = splitSysctls(linux.sysctl ?? {});
  const namespaces = guestNamespaces(linux.namespaces ?? [], context);
  const hooks = mergeHooks(spec.hooks, context.guestHooks);
  const hasUts = namespaces.some(({ type }) => type === "uts");
  const { hostname, ...withoutHostname } = rest;
  return {
    networkSysctls: network,
    spec: {
      ...withoutHostname,
      ociVersion,
      ...(hasUts && hostname !== undefined && { hostname }),
      process: { ...guestProcess, ...(hasSelinux && selinuxLabel !== undefined && { selinuxLabel }) },
      root,
      ...(hooks && { hooks }),
      annotations: Object.fromEntries(Object.entries(annotations).filter(([name]) => !runtimeAnnotation.test(name))),
      linux: guestLinux(linux, { namespaces, sysctl: others, hasSelinux }, context),
    },
  };
}

function guestLinux(
  linux: OciLinux,
  made: { namespaces: OciNamespace[]; sysctl: Record<string, string>; hasSelinux: boolean },
  context: GuestSpecContext,
): OciLinux {
  const { mountLabel, intelRdt: _rdt, devices: _devices, cgroupsPath: _path, sysctl: _sysctl, ...rest } = linux;
  const given = guestDevices(linux.devices ?? [], context);
  const devices = given.map(({ guest }) => guest);
  const rules = given.map(({ wanted, guest: { type, major = 0, minor = 0 } }) => {
    const access = accessTo(wanted, rest.resources?.devices ?? []);
    return { allow: true, type: type === "u" ? "c" : type, major, minor, access };
  });
  const makeNodes = { allow: true, access: "m" };
  return {
    ...rest,
    ...(made.hasSelinux && mountLabel !== undefined && { mountLabel }),
    namespaces: made.namespaces,
    sysctl: made.sysctl,
    devices,
    cgroupsPath: containerCgroup(context.containerId),
    resources: {
      ...rest.resources,
      devices: [{ allow: false, access: "rwm" }, makeNodes, ...commonDevices, ...rules, ...context.boundDevices],
    },
  };
}

/** The container's own and the shared namespaces. There is one network, the guest's, and a control group of its own always. */
function guestNamespaces(wanted: readonly OciNamespace[], context: GuestSpecContext): OciNamespace[] {
  const types = new Set(wanted.map(({ type }) => type));
  types.delete("network");
  types.delete("time");
  for (const type of ["pid", "mount", "cgroup"]) types.add(type);
  return [...types].map((type) => {
    const path = context.sharedNamespaces[type];
    return path === undefined ? { type } : { type, path };
  });
}

/** Devices of the guest itself, where the specification means the same ones, and those that were plugged in for it. */
function guestDevices(
  devices: readonly OciLinuxDevice[],
  context: GuestSpecContext,
): { wanted: OciLinuxDevice; guest: OciLinuxDevice }[] {
  const given: { wanted: OciLinuxDevice; guest: OciLinuxDevice }[] = [];
  for (const wanted of devices) {
    const plugged = context.devices.get(wanted.path);
    if (plugged !== undefined) {
      given.push({ wanted, guest: { ...wanted, ...plugged } });
      continue;
    }
    const node = findNode(wanted.path);
    const isSame = node?.kind === "character" && node.major === wanted.major && node.minor === wanted.minor;
    if (isSame && wanted.type !== "b") given.push({ wanted, guest: wanted });
  }
  return given;
}

/** What the host's rules, which have the host's numbers, allow of a device; all when they do not name it. */
function accessTo({ type, major, minor }: OciLinuxDevice, rules: readonly OciDeviceCgroup[]): string {
  const own = rules.filter((rule) => rule.allow && rule.type === type && rule.major === major && rule.minor === minor);
  const access = ["r", "w", "m"]
    .filter((letter) => own.some((rule) => (rule.access ?? "rwm").includes(letter)))
    .join("");
  return access === "" ? "rwm" : access;
}

function splitSysctls(sysctls: Readonly<Record<string, string>>): {
  network: Record<string, string>;
  others: Record<string, string>;
} {
  const network: Record<string, string> = {};
  const others: Record<string, string> = {};
  for (const [name, value] of Object.entries(sysctls)) {
    if (!/^[\w./:-]+$/.test(name) || name.includes(".."))
      throw badArgument("linux.sysctl", name, "a name of a setting");
    if (/^net[./]/.test(name)) network[name] = value;
    else others[name] = value;
  }
  return { network, others };
}

function mergeHooks(
  own: OciSpec["hooks"],
  guest: GuestSpecContext["guestHooks"],
): Record<string, OciHook[]> | undefined {
  const merged: Record<string, OciHook[]> = {};
  for (const [kind, hooks] of [...Object.entries(own ?? {}), ...Object.entries(guest)]) {
    if (hooks.length > 0) merged[kind] = [...(merged[kind] ?? []), ...hooks];
  }
  return Object.keys(merged).length === 0 ? undefined : merged;
}
