import { statSync } from "node:fs";
import type { HypervisorConfig } from "../../../core/config/keys/hypervisor.js";
import type { BlockDevice } from "../../../core/contracts/device.js";
import type { DiskRateKeys } from "../../../core/disks/disk-rates.js";
import type { Slot, VirtioBus } from "./bus.js";
import type { Properties } from "./command.js";
import type { BackendPart, DevicePlan, FrontendPart } from "./device-plan.js";
import { diskThreads, type ThreadKeys } from "./disk-threads.js";
import { formatAddress, type ScsiAddress } from "./scsi-units.js";
import { discards, throttle } from "./throttle.js";

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
> &
  ThreadKeys &
  DiskRateKeys;

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
    ...discards(readOnly),
    cache,
    file: { driver, filename: path, aio, "read-only": readOnly, ...discards(readOnly), cache },
  };
}

function sectors(keys: BlockKeys): Properties {
  const logical = keys.block_device_logical_sector_size;
  // QEMU's own is no more than a small sector, which a larger one cannot lie in.
  const physical = Math.max(logical, keys.block_device_physical_sector_size);
  return {
    ...(logical > 0 && { logical_block_size: logical }),
    ...(physical > 0 && { physical_block_size: physical }),
  };
}

/** What a disk is made of below its device, and the node that the device is given. */
function behind(
  name: string,
  { path, readOnly }: Pick<BlockDevice, "path" | "readOnly">,
  keys: BlockKeys,
): { readonly parts: readonly BackendPart[]; readonly node: string } {
  const file = `${name}-disk`;
  const { before, after, node } = throttle(name, file, readOnly, keys);
  const properties = blockNode(file, path, readOnly, keys);
  return { parts: [...before, { kind: "blockdev", id: file, properties }, ...after], node };
}

/**
 * An emulated processor is a thread of QEMU, which begins what the guest asks for by itself sooner than it would wake the main
 * thread for it. A processor of KVM would have to leave the guest; a thread of the disk has to be woken.
 */
const toldByProcessor = ({ pciPath }: Slot, thread: string | undefined): Pick<FrontendPart, "emulated"> =>
  pciPath === undefined || thread !== undefined ? {} : { emulated: { ioeventfd: false } };

/** A virtio disk in a slot. `locator` is how the guest finds it where there is no PCI. */
export function virtioDisk(
  name: string,
  device: Pick<BlockDevice, "path" | "readOnly">,
  place: {
    readonly bus: VirtioBus;
    readonly slot: Slot;
    readonly locator?: string;
    /** Id of the thread that serves it. */
    readonly thread?: string | undefined;
  },
  keys: BlockKeys,
): DevicePlan {
  const { bus, slot, thread } = place;
  const guestLocator = slot.pciPath ?? place.locator;
  const { parts, node } = behind(name, device, keys);
  return {
    name,
    slot,
    parts: [
      ...parts,
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
          ...(thread !== undefined && { iothread: thread }),
          // A full host disk is the guest's error to handle; QEMU would stop the whole machine.
          ...(!device.readOnly && { werror: "report" }),
        },
        ...toldByProcessor(slot, thread),
      },
    ],
    ...(guestLocator !== undefined && { guestLocator }),
  };
}

/** The controller that disks of SCSI hang on: it has the queues, and the thread, which virtio's own disks have each. */
export function scsiHost(bus: VirtioBus, slot: Slot, keys: BlockKeys): FrontendPart {
  const [thread] = diskThreads(keys);
  const properties = {
    driver: bus.model("virtio-scsi"),
    id: scsiController,
    ...slot.place,
    num_queues: Math.max(1, keys.num_queues),
    ...(keys.queue_size > 0 && { virtqueue_size: keys.queue_size }),
    ...(thread !== undefined && { iothread: thread }),
  };
  return { kind: "device", properties, ...toldByProcessor(slot, thread) };
}

/** A disk on the SCSI controller. */
export function scsiDisk(
  name: string,
  device: Pick<BlockDevice, "path" | "readOnly">,
  { target, unit }: ScsiAddress,
  slot: Slot,
  keys: BlockKeys,
): DevicePlan {
  const { parts, node } = behind(name, device, keys);
  return {
    name,
    slot,
    parts: [
      ...parts,
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
