import type { OciLinuxResources, OciProcess, OciSpec } from "./spec.js";

/** What of an object the agent's protocol carries: all of a member, or the members named below it. */
type Carried = true | { readonly [member: string]: Carried };

const all = (...members: string[]): Carried => Object.fromEntries(members.map((member) => [member, true as const]));

const hook = all("path", "args", "env", "timeout");
const idMapping = all("containerID", "hostID", "size");
const throttle = all("major", "minor", "rate");

const resources: Carried = {
  devices: all("allow", "type", "major", "minor", "access"),
  memory: all("limit", "reservation", "swap", "kernel", "kernelTCP", "swappiness", "disableOOMKiller"),
  cpu: all("shares", "quota", "period", "realtimeRuntime", "realtimePeriod", "cpus", "mems"),
  pids: all("limit"),
  blockIO: {
    weight: true,
    leafWeight: true,
    weightDevice: all("major", "minor", "weight", "leafWeight"),
    throttleReadBpsDevice: throttle,
    throttleWriteBpsDevice: throttle,
    throttleReadIOPSDevice: throttle,
    throttleWriteIOPSDevice: throttle,
  },
  hugepageLimits: all("pageSize", "limit"),
  network: { classID: true, priorities: all("name", "priority") },
};

const process: Carried = {
  terminal: true,
  consoleSize: all("height", "width"),
  user: all("uid", "gid", "additionalGids", "username"),
  args: true,
  env: true,
  cwd: true,
  capabilities: all("bounding", "effective", "inheritable", "permitted", "ambient"),
  rlimits: all("type", "hard", "soft"),
  noNewPrivileges: true,
  apparmorProfile: true,
  oomScoreAdj: true,
  selinuxLabel: true,
};

const spec: Carried = {
  ociVersion: true,
  process,
  root: all("path", "readonly"),
  hostname: true,
  mounts: all("destination", "source", "type", "options"),
  hooks: {
    prestart: hook,
    poststart: hook,
    poststop: hook,
    createRuntime: hook,
    createContainer: hook,
    startContainer: hook,
  },
  annotations: true,
  linux: {
    uidMappings: idMapping,
    gidMappings: idMapping,
    sysctl: true,
    resources,
    cgroupsPath: true,
    namespaces: all("type", "path"),
    devices: all("path", "type", "major", "minor", "fileMode", "uid", "gid"),
    seccomp: {
      defaultAction: true,
      architectures: true,
      flags: true,
      syscalls: { names: true, action: true, errnoRet: true, args: all("index", "value", "valueTwo", "op") },
    },
    rootfsPropagation: true,
    maskedPaths: true,
    readonlyPaths: true,
    mountLabel: true,
    intelRdt: all("l3CacheSchema"),
  },
};

const saysNothing = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === "" ||
  value === false ||
  (typeof value === "object" && Object.keys(value).length === 0);

function collect(path: string, value: unknown, carried: Carried, lost: Set<string>): void {
  if (carried === true || typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const element of value) collect(path, element, carried, lost);
    return;
  }
  for (const [member, inner] of Object.entries(value)) {
    const below = path === "" ? member : `${path}.${member}`;
    const shape = Object.hasOwn(carried, member) ? carried[member] : undefined;
    if (shape !== undefined) collect(below, inner, shape, lost);
    else if (!saysNothing(inner)) lost.add(below);
  }
}

function lostIn(path: string, value: unknown, carried: Carried): string[] {
  const lost = new Set<string>();
  collect(path, value, carried, lost);
  return [...lost];
}

/** Fields of a specification that the agent's protocol has no place for, as dotted paths (`process.user.umask`). */
export const lostSpecFields = (value: OciSpec): string[] => lostIn("", value, spec);
/** As `lostSpecFields`, for a process alone. */
export const lostProcessFields = (value: OciProcess): string[] => lostIn("process", value, process);
/** As `lostSpecFields`, for resources alone. */
export const lostResourceFields = (value: OciLinuxResources): string[] => lostIn("linux.resources", value, resources);
