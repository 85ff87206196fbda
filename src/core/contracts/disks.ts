import type { GuestDevice, GuestStorage } from "./guest.js";

/** A raw file or a block device of the host that a sandbox's machine is to have as a disk. */
export interface DiskRequest {
  /** What it is for, in messages: `the root file system of "web"`. */
  readonly purpose: string;
  /** Absolute path on the host. */
  readonly path: string;
  /** Enforced by the device, not only by the guest's mount. */
  readonly readOnly: boolean;
}

/** How the guest mounts a disk. */
export interface DiskMount {
  /** A file system, or `bind`: the disk's node itself is shown at the mount point, which is a file then. */
  readonly fstype: string;
  readonly options: readonly string[];
  /** Absolute path in the guest. */
  readonly mountPoint: string;
}

/** A disk that the machine has, until `release`. */
export interface Disk {
  /** By which the agent mounts it. */
  storage(mount: DiskMount): GuestStorage;
  /** By which the agent puts it at a path of a container, whose spec has a device there. */
  device(containerPath: string): GuestDevice;
  /**
   * Has the machine have so many bytes of it at least; the guest is told. A file is made larger, a device must be as large
   * already: `KATA_DISK_SIZE`. `KATA_HYPERVISOR_UNSUPPORTED` where the hypervisor lacks `disk-resize`.
   */
  grow(bytes: number): Promise<void>;
  /** Takes it out of the machine, of which the guest must not use it any more. Idempotent; no error when the machine is gone. */
  release(): Promise<void>;
}

/**
 * The disks of one sandbox's machine, plugged by the block driver that configuration chooses. Before the machine starts they
 * are noted, while it boots `add` waits, then they are plugged in. Who adds one releases it.
 */
export interface Disks {
  /** `KATA_DISK_NOWHERE`, and the errors of the hypervisor's `addDevice`. */
  add(request: DiskRequest): Promise<Disk>;
}
