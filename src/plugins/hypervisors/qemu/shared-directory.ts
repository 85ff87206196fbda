import type { FsDevice } from "../../../core/contracts/device.js";
import type { Slot, VirtioBus } from "./bus.js";
import type { DevicePlan } from "./device-plan.js";

/** A shared directory, served by a daemon on a socket. */
export function sharedDirectory(name: string, device: FsDevice, bus: VirtioBus, slot: Slot): DevicePlan {
  const id = `${name}-socket`;
  return {
    name,
    slot,
    parts: [
      { kind: "chardev", id, path: device.socket },
      {
        kind: "device",
        properties: {
          driver: bus.model("vhost-user-fs"),
          id: name,
          chardev: id,
          tag: device.tag,
          "queue-size": device.queueSize,
          ...slot.place,
        },
      },
    ],
  };
}
