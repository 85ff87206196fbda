import type { OciLinuxResources, OciProcess, OciSpec } from "../../../core/oci/spec.js";
import { boolean, int64, integer, list, nonEmpty, object, record, string, uint32, uint64 } from "./json-shape.js";

const user = object({}, { uid: uint32, gid: uint32, umask: uint32, additionalGids: list(uint32), username: string });

const process = object(
  { cwd: nonEmpty },
  {
    terminal: boolean,
    consoleSize: object({ height: uint32, width: uint32 }, {}),
    user,
    args: list(string),
    env: list(string),
    capabilities: record(list(string)),
    rlimits: list(object({ type: nonEmpty, hard: uint64, soft: uint64 }, {})),
    noNewPrivileges: boolean,
    apparmorProfile: string,
    oomScoreAdj: integer(-1000, 1000),
    selinuxLabel: string,
  },
);

const resources = object(
  {},
  {
    devices: list(object({}, { allow: boolean, type: string, major: int64, minor: int64, access: string })),
    memory: object(
      {},
      {
        limit: int64,
        reservation: int64,
        swap: int64,
        kernel: int64,
        kernelTCP: int64,
        swappiness: uint64,
        disableOOMKiller: boolean,
        useHierarchy: boolean,
        checkBeforeUpdate: boolean,
      },
    ),
    cpu: object(
      {},
      {
        shares: uint64,
        quota: int64,
        burst: uint64,
        period: uint64,
        realtimeRuntime: int64,
        realtimePeriod: uint64,
        cpus: string,
        mems: string,
        idle: int64,
      },
    ),
    pids: object({ limit: int64 }, {}),
    blockIO: object({}, {}),
    hugepageLimits: list(object({ pageSize: nonEmpty, limit: uint64 }, {})),
    network: object({}, {}),
    rdma: object({}, {}),
    unified: record(string),
  },
);

const idMapping = object({ containerID: uint32, hostID: uint32, size: uint32 }, {});

const linux = object(
  {},
  {
    uidMappings: list(idMapping),
    gidMappings: list(idMapping),
    sysctl: record(string),
    resources,
    cgroupsPath: string,
    namespaces: list(object({ type: nonEmpty }, { path: string })),
    devices: list(
      object(
        { path: nonEmpty, type: nonEmpty },
        { major: int64, minor: int64, fileMode: uint32, uid: uint32, gid: uint32 },
      ),
    ),
    seccomp: object({ defaultAction: nonEmpty }, { architectures: list(string), flags: list(string) }),
    rootfsPropagation: string,
    maskedPaths: list(string),
    readonlyPaths: list(string),
    mountLabel: string,
  },
);

const hook = object({ path: nonEmpty }, { args: list(string), env: list(string), timeout: int64 });

const spec = object(
  {},
  {
    ociVersion: string,
    process,
    root: object({ path: nonEmpty }, { readonly: boolean }),
    hostname: string,
    mounts: list(object({ destination: nonEmpty }, { source: string, type: string, options: list(string) })),
    hooks: record(list(hook)),
    annotations: record(string),
    linux,
  },
);

/** The value as `config.json`; `KATA_JSON_SHAPE` names the first field that is not what the OCI specification says. */
export function checkSpec(what: string, value: unknown): OciSpec {
  spec(value, { what, field: "" });
  return value as OciSpec;
}

/** The value as `process` of the OCI specification, with the user it leaves out: root. */
export function checkProcess(what: string, value: unknown): OciProcess {
  process(value, { what, field: "" });
  const checked = value as OciProcess;
  return { ...checked, user: { ...checked.user, uid: checked.user?.uid ?? 0, gid: checked.user?.gid ?? 0 } };
}

/** The value as `linux.resources` of the OCI specification. */
export function checkResources(what: string, value: unknown): OciLinuxResources {
  resources(value, { what, field: "" });
  return value as OciLinuxResources;
}
