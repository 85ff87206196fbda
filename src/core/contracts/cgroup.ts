import type { OciLinuxResources } from "../oci/spec.js";

/** Host cgroups of a sandbox. Paths come from the OCI spec and are hostile: `..` and absolute escapes are refused. */
export interface CgroupRequest {
  readonly sandboxId: string;
  /** `linux.cgroupsPath`: `/a/b` or systemd's `slice:prefix:name`; absent means `kata_sandboxed_pod/<id>`. */
  readonly path: string | undefined;
  /** The VMM and the shim all in the sandbox cgroup, no overhead cgroup. */
  readonly sandboxOnly: boolean;
}

/**
 * The host cgroup that holds a sandbox's VMM and helpers. `create` → `add`* / `update`* → `remove`.
 * Owns the directories it made and nothing else; `remove` never leaves one behind and is idempotent.
 */
export interface Cgroup {
  create(): Promise<void>;
  /** Moves a process (all its threads) in; threads only where the driver says it can. */
  add(pid: number): Promise<void>;
  update(resources: OciLinuxResources): Promise<void>;
  remove(): Promise<void>;
}

/** A version of the host's cgroup interface; `match` is above 0 on hosts that have it. `root` is `/sys/fs/cgroup` or a test's. */
export interface CgroupDriver {
  readonly name: string;
  match(root: string): number;
  open(request: CgroupRequest): Cgroup;
}
