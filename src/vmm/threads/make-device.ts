import { closeSync, constants, openSync } from "node:fs";
import type { Logger } from "../../core/log.js";
import type { Sys } from "../../core/sys/sys.js";
import { discardPages } from "../memory/discard-pages.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import { BalloonDevice } from "../virtio/balloon/balloon-device.js";
import { BlockDevice } from "../virtio/block/block-device.js";
import { DiskThrottle } from "../virtio/block/disk-limits.js";
import { blockErrors } from "../virtio/block/errors.js";
import { FileDisk } from "../virtio/block/file-disk.js";
import type { VirtioDevice } from "../virtio/device.js";
import { makeFsDevice } from "../virtio/fs/make-fs-device.js";
import { MemDevice } from "../virtio/mem/mem-device.js";
import { NetDevice } from "../virtio/net/net.js";
import { VhostNet } from "../virtio/net/vhost-net.js";
import { RngDevice } from "../virtio/rng/rng-device.js";
import { vhostUserErrors } from "../virtio/vhost-user/errors.js";
import { VhostUserFsDevice } from "../virtio/vhost-user/fs.js";
import { VsockDevice } from "../virtio/vsock/vsock.js";
import type { CardSpec, DeviceSpec, DiskSpec } from "./device-spec.js";

/** What devices are made with. */
export interface DeviceTools {
  readonly sys: Sys;
  readonly log: Logger;
  readonly memory: GuestMemory;
  /** The guest has plugged memory in or out; bytes that it has plugged in now. */
  readonly memoryPlugged: (bytes: number) => void;
}

/** Makes the device that a spec describes, and takes hold of what it has of the host. */
export async function makeDevice(tools: DeviceTools, spec: DeviceSpec): Promise<VirtioDevice> {
  const { sys, log, memory, memoryPlugged } = tools;
  switch (spec.kind) {
    case "disk":
      return makeDisk(tools, spec);
    case "entropy":
      return new RngDevice();
    case "vsock":
      return VsockDevice.create({ path: spec.path, cid: spec.cid, log });
    case "card":
      return makeCard(sys, spec);
    case "share":
      assertMappable(memory, spec.tag);
      return VhostUserFsDevice.connect({ sys, path: spec.socket, tag: spec.tag, queueSize: spec.queueSize });
    case "shared-directory":
      return makeFsDevice(sys, spec);
    case "balloon": {
      const discard = discardPages(sys, memory.regions);
      return new BalloonDevice({ discard, reporting: spec.reporting, deflateOnOom: true });
    }
    case "memory": {
      const discard = discardPages(sys, memory.regions);
      return new MemDevice({ ...spec, discard, onResized: memoryPlugged });
    }
  }
}

/** A daemon is told of the memory only when the guest's driver is there, which would wait for ever. */
function assertMappable({ regions }: GuestMemory, tag: string): void {
  if (regions.every(({ backing }) => backing.kind === "file")) return;
  const problem =
    'it is in no file; a machine that is made with `sharedMemory` (shared_fs = "virtio-fs") has it in one';
  throw vhostUserErrors.KATA_VMM_VHOST_USER_MEMORY({ name: `fs ${tag}`, problem });
}

function makeDisk({ sys, log }: DeviceTools, spec: DiskSpec): BlockDevice {
  const { id, path, readOnly, queues, queueSize, limits, logicalSector, physicalSector } = spec;
  const { direct = false, ignoreFlushes = false } = spec;
  const fd = openSync(path, readOnly ? "r" : "r+");
  let past: number | undefined;
  try {
    if (direct) past = openPast(sys, fd, path, readOnly);
    const disk = new FileDisk(sys, fd, { readOnly, ignoreFlushes, direct: past });
    return new BlockDevice({
      name: id,
      disk,
      serial: id,
      log,
      ...(queues !== undefined && { queues }),
      ...(queueSize !== undefined && { queueSize }),
      ...(logicalSector !== undefined && { logicalSector }),
      ...(physicalSector !== undefined && { physicalSector }),
      ...(limits !== undefined && { throttle: new DiskThrottle(limits) }),
    });
  } catch (error) {
    closeSync(fd);
    if (past !== undefined) closeSync(past);
    throw error;
  }
}

/** Opens what is open already for reading and writing past the host's page cache. */
function openPast(sys: Sys, fd: number, path: string, readOnly: boolean): number {
  try {
    return openSync(sys.files.pathOfFd(fd), constants.O_DIRECT | (readOnly ? constants.O_RDONLY : constants.O_RDWR));
  } catch (cause) {
    throw blockErrors.KATA_VMM_DISK_DIRECT({ path }, { cause });
  }
}

function makeCard(sys: Sys, { vhost = false, ...card }: CardSpec): NetDevice {
  const served: VhostNet[] = [];
  try {
    if (vhost) for (const _ of card.taps) served.push(VhostNet.open(sys, card.id));
    return new NetDevice({ ...card, sys, ...(vhost && { vhost: served }) });
  } catch (error) {
    for (const one of served) one.close();
    throw error;
  }
}
