import type { MountEntry } from "./mountinfo.js";
import type { OciMount, Propagation } from "./mount-options.js";
import type { PathOrFd } from "./path-or-fd.js";

/** Arguments of mount(2). */
export interface MountRequest {
  /** A device, or any name for a file system that has none. */
  readonly source: PathOrFd;
  readonly target: PathOrFd;
  /** File system type: `overlay`, `virtiofs`, ... */
  readonly type: string;
  /** `MS_*` bits of `mount-flags.ts`. */
  readonly flags?: number;
  /** Options of the file system, joined by commas. At most a page less one byte, or `KATA_SYS_MOUNT_DATA_LENGTH`. */
  readonly data?: string;
}

/** Restrictions of mounts, and with `recursive` of all mounts below them too. Those already there stay. */
export interface MountAttributes {
  readonly recursive?: boolean;
  readonly readOnly?: boolean;
  readonly noSuid?: boolean;
  readonly noDev?: boolean;
  readonly noExec?: boolean;
  readonly noSymlinkFollow?: boolean;
  readonly propagation?: Propagation;
}

/** A bind mount and how it differs from its source. The attributes hold from the instant the mount can be seen. */
export type BindOptions = MountAttributes;

/** How to unmount. */
export interface UnmountOptions {
  /** `MNT_DETACH`: gone from the tree at once, undone when no longer in use. Without it a mount in use is EBUSY. */
  readonly detach?: boolean;
  /** `MNT_FORCE`: abort what a dead server (NFS, FUSE) keeps waiting. */
  readonly force?: boolean;
}

/**
 * Mounting. Calls that may wait for a device or a server run beside the event loop, hence the promises. A path is
 * followed as mount(2) does; where others can write, take a descriptor from `Files`.
 */
export interface Mounts {
  /** mount(2) as it is. */
  mount(request: MountRequest): Promise<void>;

  /**
   * One mount of an OCI spec or of a containerd request at `target`: a bind, or a file system; then the propagation its
   * options ask for. An overlay whose options are longer than a page is mounted with relative directories.
   */
  mountOci(mount: OciMount, target: PathOrFd): Promise<void>;

  /** Shows `source`, a directory or a file, at `target`. Linux 5.12. */
  bind(source: PathOrFd, target: PathOrFd, options?: BindOptions): Promise<void>;

  /** Adds attributes to the mount at `target`, and with `recursive` to all below it; those it has stay. Linux 5.12. */
  restrict(target: PathOrFd, attributes: MountAttributes): Promise<void>;

  /** Moves the mount at `source` to `target`. */
  move(source: PathOrFd, target: PathOrFd): Promise<void>;

  /** Sets the propagation of the mount at `target`, and with `recursive` of all below it. */
  setPropagation(target: PathOrFd, propagation: Propagation, options?: { readonly recursive?: boolean }): Promise<void>;

  /**
   * Unmounts what is at `target`, whose last component is never followed when it is a symbolic link. False when
   * `target` does not exist or is no mount point; any other refusal is a `SysError`.
   */
  unmount(target: string, options?: UnmountOptions): Promise<boolean>;

  /** Unmounts `relative` under the directory `root`, resolved without symbolic links; otherwise as `unmount`. */
  unmountBeneath(root: PathOrFd, relative: string, options?: UnmountOptions): Promise<boolean>;

  /**
   * Unmounts every mount at or below `directory`, deepest first, each as often as it is stacked, and gives their paths.
   * Tries all of them; throws an `AggregateError` at the end when some stayed. Whoever moves directories of the tree and puts
   * links in their place meanwhile, a guest that a volume is shared with say, has nothing unmounted that is not in it.
   */
  unmountTree(directory: string, options?: UnmountOptions): Promise<string[]>;

  /** Every mount of this process's mount namespace, in the order of /proc/self/mountinfo. */
  list(): MountEntry[];

  /** The mounts at or below `directory` (an absolute path without symbolic links), in the order they were made. */
  below(directory: string): MountEntry[];

  /** Whether something is mounted at exactly this path. */
  isMountPoint(path: string): boolean;
}
