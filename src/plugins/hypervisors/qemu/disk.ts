import { statSync } from "node:fs";
import type { HypervisorConfig } from "../../../core/config/keys/hypervisor.js";
import type { BlockDevice } from "../../../core/contracts/device.js";
import type { Slot, VirtioBus } from "./bus.js";
import type { Properties } from "./command.js";
import type { DevicePlan } from "./device-plan.js";
import { formatAddress, type ScsiAddress } from "./scsi-units.js";

/** Keys of the configuration that say how disks are read and written. */
export type BlockKeys = Pick<
  HypervisorConfig,
  | "block_device_aio"
  | "block_device_cache_set"
  | "block_device_cache_direct"
  | "block_device_cache_noflush"
  | "block_device_logical_sector_size"
  | "block_device_physical_sector_size"
  | "queue_size"
  | "num_queues"
  | "enable_iothreads"
>;

/** Id of the thread that disks share with `enable_iothreads`. */
export const diskThread = "disks";

/** The device that disks of SCSI hang on. */
export const scsiController = "scsi0";

/** What stands behind a disk on the host: a raw file or a block device. */
export function blockNode(node: string, path: string, readOnly: boolean, keys: BlockKeys): Properties {
  const aio = keys.block_device_aio;
  // Linux's own asynchronous I/O works only past the page cache.
  const direct = aio === "native" || (keys.block_device_cache_set && keys.block_device_cache_direct);
  const noFlush = keys.block_device_cache_set && keys.block_device_cache_noflush;
  const cache = { direct, "no-flush": noFlush };
  const driver = statSync(path).isBlockDevice() ? "host_device" : "file";
  return {
    driver: "raw",
    "node-name": node,
    "read-only": readOnly,
    cache,
    file: { driver, filename: path, aio, "read-only": readOnly, cache },
  };
}

function sectors(keys: BlockKeys): Properties {
  const { block_device_logical_sector_size: logical, block_device_physical_sector_size: physical } = keys;
  return {
    ...(logical > 0 && { logical_block_size: logical }),
    ...(physical > 0 && { physical_block_size: physical }),
  };
}

/** A virtio disk in a slot. `locator` is how the guest finds it where there is no PCI. */
export function virtioDisk(
  name: string,
  device: Pick<BlockDevice, "path" | "readOnly">,
  place: { readonly bus: VirtioBus; readonly slot: Slot; readonly locator?: string },
  keys: BlockKeys,
): DevicePlan {
  const { bus, slot } = place;
  const guestLocator = slot.pciPath ?? place.locator;
  const node = `${name}-disk`;
  return {
    name,
    slot,
    parts: [
      { kind: "blockdev", id: node, properties: blockNode(node, device.path, device.readOnly, keys) },
      {
        kind: "device",
        properties: {
          driver: bus.model("virtio-blk"),
          id: name,
          drive: node,
          ...slot.place,
          "num-queues": Math.max(1, keys.num_queues),
          ...(keys.queue_size > 0 && { "queue-size": keys.queue_size }),
          ...sectors(keys),
          ...(keys.enable_iothreads && { iothread: diskThread }),
          // A full host disk is the guest's error to handle; QEMU would stop the whole machine.
          ...(!device.readOnly && { werror: "report" }),
        },
      },
    ],
    ...(guestLocator !== undefined && { guestLocator }),
  };
}

/** The controller that disks of SCSI hang on: it has the queues, and the thread, which virtio's own disks have each. */
export function scsiHost(bus: VirtioBus, slot: Slot, keys: BlockKeys): Properties {
  return {
    driver: bus.model("virtio-scsi"),
    id: scsiController,
    ...slot.place,
    num_queues: Math.max(1, keys.num_queues),
    ...(keys.queue_size > 0 && { virtqueue_size: keys.queue_size }),
    ...(keys.enable_iothreads && { iothread: diskThread }),
  };
}

/** A disk on the SCSI controller. */
export function scsiDisk(
  name: string,
  device: Pick<BlockDevice, "path" | "readOnly">,
  { target, unit }: ScsiAddress,
  slot: Slot,
  keys: BlockKeys,
): DevicePlan {
  const node = `${name}-disk`;
  return {
    name,
    slot,
    parts: [
      { kind: "blockdev", id: node, properties: blockNode(node, device.path, device.readOnly, keys) },
      {
        kind: "device",
        properties: {
          driver: "scsi-hd",
          id: name,
          drive: node,
          bus: `${scsiController}.0`,
          channel: 0,
          "scsi-id": target,
          lun: unit,
          ...sectors(keys),
          ...(!device.readOnly && { werror: "report" }),
        },
      },
    ],
    guestLocator: formatAddress({ target, unit }),
  };
}
