import type { CgroupPlace } from "../cgroup/place.js";
import type { ScopeUnit } from "../cgroup/scope-unit.js";
import type { OciLinuxResources } from "../oci/spec.js";
import type { SandboxRecord } from "../sandbox/record.js";

/** A cgroup that is wanted. */
export interface CgroupRequest {
  readonly place: CgroupPlace;
  /** Where directories are noted before they are made. */
  readonly record: Pick<SandboxRecord, "directories" | "forget" | "shared" | "sharedByOthers">;
  /** What asks systemd for it, which makes it and owns it then; absent when it is nothing but directories. */
  readonly scope?: ScopeUnit;
}

/**
 * A cgroup of the host, for a sandbox's VMM, its helpers and its shim. `create` → (`add` | `addMachine` | `addThreads` |
 * `update`)* → `remove`. Owns the directories it made, and nothing else.
 */
export interface Cgroup {
  /** Its directory on the host; on v1 the one of its memory, or else of its first controller. For people. */
  readonly directory: string;
  /**
   * Makes it, with what it needs above. `KATA_CGROUP_TAKEN` when there is one that is not empty, `KATA_CGROUP_CREATE` with
   * the kernel's reason when it cannot be made; then nothing is left. A scope of systemd is not there before the first process
   * is added; its limits are kept until then.
   */
  create(): Promise<void>;
  /** In the place of `create`: takes one that another process has made, and that is in the record; false when there is none. */
  adopt(): Promise<boolean>;
  /** Moves a process in, with all its threads. No error when it has ended. */
  add(pid: number): Promise<void>;
  /**
   * Moves in what of a VMM is not its threads, which stay where they are but for those that `addThreads` gets: on v1 its
   * memory and its I/O are counted here from now on. v2 cannot tell these apart, and takes all of the process.
   */
  addMachine(pid: number): Promise<void>;
  /**
   * Moves threads in that run the guest, of a process that `addMachine` was given, so that limits of CPU time hold for them
   * alone. Idempotent; those that have ended are left out. Says why when the kernel does not do it: then `add` is what is left.
   */
  addThreads(tids: readonly number[]): Promise<string | undefined>;
  /**
   * Has these limits from now on, and no others: one that is absent, and was there, is lifted. `KATA_CGROUP_CONTROLLER` when
   * the host has nothing to keep a limit with, `KATA_CGROUP_LIMIT` when the kernel does not take it.
   */
  update(resources: OciLinuxResources): Promise<void>;
  /**
   * Moves this process back to where it came from, if it is in, and removes all that was made; idempotent. Waits for the
   * end of other processes, and says with `KATA_CGROUP_BUSY` which do not.
   */
  remove(): Promise<void>;
}

/** A version of the host's cgroup interface; `match` is above 0 on hosts that have it. `root` is `/sys/fs/cgroup` or a test's. */
export interface CgroupDriver {
  readonly name: string;
  match(root: string): number;
  open(request: CgroupRequest): Cgroup;
}
