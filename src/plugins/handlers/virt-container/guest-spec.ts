import type { OciLinux, OciLinuxResources, OciMount, OciSpec } from "../../../core/oci/spec.js";
import type { ContainerRole } from "../../../core/sandbox/identity.js";
import { blockDeviceRules } from "./plugged-device.js";

/** What the host has made for a container, to be put in place of what its spec says. */
export interface GuestSpecParts {
  readonly role: ContainerRole;
  readonly bundle: string;
  /** `root.path` in the guest. */
  readonly rootPath: string;
  /** Every mount of the spec as its volume made it. */
  readonly mounts: readonly OciMount[];
}

const roleNames: Readonly<Record<ContainerRole, string>> = {
  single: "single_container",
  sandbox: "pod_sandbox",
  container: "pod_container",
};

/** Limits that make no sense for a process of the guest, or are the host cgroup's business. */
export function guestResources(resources: OciLinuxResources | undefined): OciLinuxResources {
  const { devices: _devices, blockIO: _blockIo, network: _network, cpu, ...kept } = resources ?? {};
  if (cpu === undefined) return kept;
  const { cpus: _cpus, ...guestCpu } = cpu;
  return { ...kept, cpu: guestCpu };
}

/** Namespaces the guest makes: those of the host mean nothing there, and the network is the guest's own. */
function guestNamespaces(linux: OciLinux): OciLinux["namespaces"] {
  return linux.namespaces
    ?.filter(({ type }) => type !== "pid" && type !== "network" && type !== "time")
    .map(({ type }) => ({ type }));
}

/** Whether the containers of the pod see each other's processes: the spec joins a pid namespace instead of making one. */
export function sharesPidNamespace(spec: OciSpec): boolean {
  return (spec.linux?.namespaces ?? []).some(({ type, path }) => type === "pid" && path !== undefined && path !== "");
}

/**
 * The spec as the agent gets it: the host's paths, namespaces, hooks and limits replaced by the guest's.
 * `disableSeccomp` and `disableSelinux` are Kata's `disable_guest_seccomp` and `disable_guest_selinux`.
 */
export function guestSpec(
  spec: OciSpec,
  parts: GuestSpecParts,
  options: { disableSeccomp: boolean; disableSelinux: boolean },
): OciSpec {
  const { hooks: _hooks, linux: hostLinux = {}, process: hostProcess, ...rest } = spec;
  const { seccomp, mountLabel, ...linux } = hostLinux;
  const namespaces = guestNamespaces(hostLinux);
  const deviceRules = blockDeviceRules(spec);
  const {
    apparmorProfile: _apparmor,
    selinuxLabel,
    ...process
  } = hostProcess ?? { user: { uid: 0, gid: 0 }, cwd: "/" };
  return {
    ...rest,
    annotations: {
      ...spec.annotations,
      "io.katacontainers.pkg.oci.container_type": roleNames[parts.role],
      "io.katacontainers.pkg.oci.bundle_path": parts.bundle,
    },
    process: { ...process, ...(!options.disableSelinux && selinuxLabel !== undefined && { selinuxLabel }) },
    root: { ...spec.root, path: parts.rootPath },
    mounts: [...parts.mounts],
    linux: {
      ...linux,
      ...(namespaces !== undefined && { namespaces }),
      resources: {
        ...guestResources(hostLinux.resources),
        ...(deviceRules.length > 0 && { devices: deviceRules }),
      },
      ...(!options.disableSeccomp && seccomp !== undefined && { seccomp }),
      ...(!options.disableSelinux && mountLabel !== undefined && { mountLabel }),
    },
  };
}
