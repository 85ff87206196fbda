import type { OciSpec } from "../../../core/oci/spec.js";
import { handlerErrors } from "./errors.js";

type Check = (spec: OciSpec) => { field: string; value: unknown; reason: string } | undefined;

const ownKernel = "a container here has a kernel of its own";

/** What a spec may ask for that a container in a virtual machine cannot have, or not yet. One check a field. */
const checks: readonly Check[] = [
  (spec) => present("linux.intelRdt", spec.linux?.["intelRdt"], "it steers caches of the host's processors"),
  (spec) => present("linux.personality", spec.linux?.["personality"], "the guest runs its own architecture only"),
  (spec) =>
    present("linux.uidMappings", nonEmpty(spec.linux?.uidMappings), `${ownKernel}; user namespaces are not made in it`),
  (spec) =>
    present("linux.gidMappings", nonEmpty(spec.linux?.gidMappings), `${ownKernel}; user namespaces are not made in it`),
  (spec) => present("windows", spec["windows"], "the guest is Linux"),
  (spec) => present("vm", spec["vm"], "the virtual machine is chosen by configuration.toml, section [hypervisor.*]"),
  hostDevices,
  hooks,
  userNamespace,
  hostNetwork,
];

function present(field: string, value: unknown, reason: string): ReturnType<Check> {
  return value === undefined || value === null ? undefined : { field, value, reason };
}

function nonEmpty<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}

/**
 * Character devices every guest has by itself (runtime-spec "Default Devices", and what containerd adds to them), which are of
 * its own kernel as they would be of the host's. The log (`kmsg`) is the guest's.
 */
const guestDevices =
  /^\/dev\/(null|zero|full|random|urandom|tty|console|ptmx|pts|shm|mqueue|fd|stdin|stdout|stderr|net\/tun|fuse|kmsg)$/;

/** Block devices become disks of the machine (`plugged-device.ts`). */
function hostDevices(spec: OciSpec): ReturnType<Check> {
  const device = spec.linux?.devices?.find(({ type, path }) => type !== "b" && !guestDevices.test(path));
  const reason =
    "of the host's devices only disks are given to the guest; for privileged containers set privileged_without_host_devices in containerd's configuration";
  return device && { field: "linux.devices", value: device.path, reason };
}

function hooks(spec: OciSpec): ReturnType<Check> {
  for (const [name, list] of Object.entries(spec.hooks ?? {})) {
    if (list.length > 0) return { field: `hooks.${name}`, value: list[0]?.path, reason: "OCI hooks are not run yet" };
  }
  return undefined;
}

function userNamespace(spec: OciSpec): ReturnType<Check> {
  const user = spec.linux?.namespaces?.find((one) => one.type === "user");
  return user && { field: "linux.namespaces", value: user, reason: `${ownKernel}; user namespaces are not made in it` };
}

/** Namespaces without one of the network mean the host's (`hostNetwork`, `--net-host`). */
function hostNetwork(spec: OciSpec): ReturnType<Check> {
  const namespaces = nonEmpty(spec.linux?.namespaces);
  if (namespaces === undefined || namespaces.some(({ type }) => type === "network")) return undefined;
  const value = namespaces.map(({ type }) => type);
  const reason = "without a network namespace it is the host's network, which a virtual machine cannot use";
  return { field: "linux.namespaces", value, reason };
}

/**
 * Refuses a spec that cannot be honoured, before anything is made: `KATA_SPEC_UNSUPPORTED` and `KATA_SPEC_INVALID` name the
 * field and its value. Nothing that a spec asks for is dropped in silence, but what isolation by a virtual machine replaces
 * (see `guest-spec.ts`).
 */
export function checkSpec(spec: OciSpec): void {
  for (const check of checks) {
    const found = check(spec);
    if (!found) continue;
    const value = JSON.stringify(found.value).slice(0, 200);
    throw handlerErrors.KATA_SPEC_UNSUPPORTED({ field: found.field, value, reason: found.reason });
  }
  if (!spec.root?.path) throw handlerErrors.KATA_SPEC_INVALID({ field: "root.path", problem: "is missing" });
  if (spec.process === undefined) {
    throw handlerErrors.KATA_SPEC_INVALID({ field: "process", problem: "is missing; a container runs one" });
  }
  const args = spec.process.args ?? [];
  if (args.length === 0) throw handlerErrors.KATA_SPEC_INVALID({ field: "process.args", problem: "is empty" });
  if (!spec.process.cwd.startsWith("/")) {
    throw handlerErrors.KATA_SPEC_INVALID({ field: "process.cwd", problem: "must be an absolute path" });
  }
}
