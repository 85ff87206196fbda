import type { NetDevice } from "../../../core/contracts/device.js";
import type { Slot, VirtioBus } from "./bus.js";
import type { DevicePlan } from "./device-plan.js";

/** A network card on a tap, whose descriptors QEMU inherits: `inherit` gives the number that one has in QEMU. */
export function networkCard(
  name: string,
  device: NetDevice,
  bus: VirtioBus,
  slot: Slot,
  inherit: (fd: number) => number,
): DevicePlan {
  const backend = `${name}-tap`;
  const queuePairs = device.tapFds.length;
  const several = queuePairs > 1;
  const numbers = device.tapFds.map(inherit).join(":");
  const queues = several ? { fds: numbers } : { fd: numbers };
  return {
    name,
    slot,
    parts: [
      { kind: "netdev", properties: { type: "tap", id: backend, ...queues, vhost: device.vhost } },
      {
        kind: "device",
        properties: {
          driver: bus.model("virtio-net"),
          id: name,
          netdev: backend,
          mac: device.hardwareAddress,
          rx_queue_size: Math.min(1024, Math.max(256, device.queueSize)),
          ...(several && { mq: true }),
          ...(several && slot.pciPath !== undefined && { vectors: 2 * queuePairs + 2 }),
          ...slot.place,
        },
      },
    ],
    ...(slot.pciPath !== undefined && { guestLocator: slot.pciPath }),
  };
}
