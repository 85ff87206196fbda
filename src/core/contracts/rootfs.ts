import type { Disks } from "./disks.js";
import type { ContainerContribution } from "./guest.js";
import type { Resource } from "./resource.js";
import type { ShareFs } from "./share-fs.js";

/** A mount as containerd hands it over (api/types/mount.proto). */
export interface ContainerdMount {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly options: readonly string[];
}

/** What a container's root file system is made of. */
export interface RootfsRequest {
  readonly containerId: string;
  /** Absolute path of the bundle. */
  readonly bundle: string;
  /** `root.path` of the spec, made absolute. */
  readonly rootPath: string;
  readonly readOnly: boolean;
  /** What the snapshotter wants mounted; empty when `rootPath` is already the root file system. */
  readonly mounts: readonly ContainerdMount[];
  /** The sandbox's share, when it has one. */
  readonly shareFs: ShareFs | undefined;
  /** Disks of the sandbox's machine; absent where `disable_block_device_use` says that there shall be none of containers. */
  readonly disks: Disks | undefined;
}

/** What a prepared root file system adds to its container. */
export interface RootfsContribution extends ContainerContribution {
  /** `root.path` for the guest. */
  readonly guestPath: string;
}

/** One container's root file system, from `prepare` to `cleanup`. Owns its mounts on the host. */
export type Rootfs = Resource<RootfsContribution>;

/**
 * A kind of root file system. `match` says how well it fits a request: 0 not at all, the highest wins, a tie is an error.
 * It looks only at the request; it does no I/O that changes anything.
 */
export interface RootfsDriver {
  readonly name: string;
  match(request: RootfsRequest): number;
  create(request: RootfsRequest): Rootfs;
}
