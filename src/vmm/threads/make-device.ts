import { closeSync, openSync } from "node:fs";
import type { Logger } from "../../core/log.js";
import type { Sys } from "../../core/sys/sys.js";
import { BlockDevice } from "../virtio/block/block-device.js";
import { FileDisk } from "../virtio/block/file-disk.js";
import type { VirtioDevice } from "../virtio/device.js";
import { makeFsDevice } from "../virtio/fs/make-fs-device.js";
import { NetDevice } from "../virtio/net/net.js";
import { RngDevice } from "../virtio/rng/rng-device.js";
import { VhostUserFsDevice } from "../virtio/vhost-user/fs.js";
import { VsockDevice } from "../virtio/vsock/vsock.js";
import type { DeviceSpec, DiskSpec } from "./device-spec.js";

/** What devices are made with. */
export interface DeviceTools {
  readonly sys: Sys;
  readonly log: Logger;
}

/** Makes the device that a spec describes, and takes hold of what it has of the host. */
export async function makeDevice({ sys, log }: DeviceTools, spec: DeviceSpec): Promise<VirtioDevice> {
  switch (spec.kind) {
    case "disk":
      return makeDisk({ sys, log }, spec);
    case "entropy":
      return new RngDevice();
    case "vsock":
      return VsockDevice.create({ path: spec.path, cid: spec.cid, log });
    case "card":
      return new NetDevice({ ...spec, sys });
    case "share":
      return VhostUserFsDevice.connect({ sys, path: spec.socket, tag: spec.tag, queueSize: spec.queueSize });
    case "shared-directory":
      return makeFsDevice(sys, spec);
  }
}

function makeDisk({ sys, log }: DeviceTools, { id, path, readOnly, queues, queueSize }: DiskSpec): BlockDevice {
  const fd = openSync(path, readOnly ? "r" : "r+");
  try {
    const disk = new FileDisk(sys, fd, { readOnly });
    const sizes = { ...(queues !== undefined && { queues }), ...(queueSize !== undefined && { queueSize }) };
    return new BlockDevice({ name: id, disk, serial: id, log, ...sizes });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
