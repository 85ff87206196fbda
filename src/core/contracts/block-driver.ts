import type { BlockDevice } from "./device.js";
import type { DiskMount } from "./disks.js";
import type { GuestStorage } from "./guest.js";

/**
 * How a disk is plugged and found again in the guest: `block_device_driver`. Chosen by name
 * (`virtio-blk-pci`, `virtio-blk-mmio`, `virtio-scsi`, `virtio-pmem`).
 */
export interface BlockDriver {
  readonly name: string;
  device(id: string, path: string, readOnly: boolean): BlockDevice;
  /** The storage by which the agent mounts a disk that the hypervisor reports at `guestLocator`. */
  storage(guestLocator: string, mount: DiskMount): GuestStorage;
}
