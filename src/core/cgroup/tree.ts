import type { CgroupPath } from "./place.js";

/**
 * One hierarchy of the kernel's cgroups, as the files it is: what a driver needs of it, so that a test can have one in
 * memory. Paths are resolved below the root, following no symbolic link. What the kernel refuses is thrown as it says it
 * (`errnoNameOf`).
 */
export interface CgroupTree {
  /** Its directory on the host: `/sys/fs/cgroup`, or `/sys/fs/cgroup/memory`. */
  readonly root: string;
  /** Makes one cgroup in one that is there; false when there is one of that name already. */
  make(path: CgroupPath): boolean;
  /** Whether there is such a cgroup; ENOTDIR and ELOOP when something else has its name. */
  has(path: CgroupPath): boolean;
  /** Names of the cgroups in one. */
  children(path: CgroupPath): readonly string[];
  /** What a file of a cgroup says, without white space at its end. */
  read(path: CgroupPath, file: string): Promise<string>;
  /** Writes to a file of a cgroup by one call, which may take the kernel milliseconds: it waits beside the event loop. */
  write(path: CgroupPath, file: string, text: string): Promise<void>;
  /** Removes an empty cgroup: EBUSY while processes or cgroups are in it, ENOENT when there is none. */
  remove(path: CgroupPath): void;
  /** The cgroup that this process is in; undefined when it is outside of what is mounted at `root`. */
  own(): CgroupPath | undefined;
}

/** The path on the host, for messages and records. */
export function formatCgroup(tree: Pick<CgroupTree, "root">, path: CgroupPath, file?: string): string {
  return [tree.root, ...path, ...(file === undefined ? [] : [file])].join("/");
}
