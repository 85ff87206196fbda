import type { Device } from "./device.js";
import type { GuestStorage } from "./guest.js";
import type { Resource } from "./resource.js";

/** What a share needs of the VM and of the guest. */
export interface ShareFsContribution {
  /** Devices of the VM, added before it starts. */
  readonly devices: readonly Device[];
  /** What the agent mounts when the sandbox is created. */
  readonly storages: readonly GuestStorage[];
}

/** A host path to be seen in the guest. */
export interface ShareRequest {
  /** Relative name below the share, `<container id>/rootfs` for example; each part is checked, `..` refused. */
  readonly name: string;
  /** Absolute path on the host, a directory or a file, opened without following its last part if that is a link. */
  readonly source: string;
  /** Enforced on the host: the daemon cannot write either. */
  readonly readOnly: boolean;
  /** With the mounts below `source`, as they are now. True unless told. */
  readonly recursive?: boolean;
}

/** Something shared; `guestPath` is valid in the guest until `release`. */
export interface Share {
  readonly guestPath: string;
  /** Undoes the share; idempotent, and does not need the guest. */
  release(): Promise<void>;
}

/**
 * A directory tree of the host that the guest sees. A sandbox resource (`requires` nothing): `prepare` starts the daemon,
 * if any, and gives the device; `share` may be called from then on, also while the VM runs.
 *
 * Owns its daemon, its directories and all mounts below them, and removes them in `cleanup`. The daemon is always
 * sandboxed. When it dies by itself, `failed` settles.
 */
export interface ShareFs extends Resource<ShareFsContribution> {
  share(request: ShareRequest): Promise<Share>;
  /** What is shared under a name since before `adopt`; undefined when nothing is. Absent where `adopt` is. */
  shared?(name: string): Share | undefined;
  /** Settles with the reason when sharing stops working by itself. */
  readonly failed: Promise<Error>;
}
