import type { NetDevice } from "../../../core/contracts/device.js";
import type { Slot, VirtioBus } from "./bus.js";
import type { DevicePlan } from "./device-plan.js";

/**
 * A network card on a tap that exists already. A tap by name is opened by QEMU in its own network namespace; one by
 * descriptors, one for each queue pair, is inherited: `inherit` gives the number a descriptor has in QEMU.
 */
export function networkCard(
  name: string,
  device: NetDevice,
  bus: VirtioBus,
  slot: Slot,
  inherit: (fd: number) => number,
): DevicePlan {
  const backend = `${name}-tap`;
  const { tap, queuePairs } = device;
  const several = queuePairs > 1;
  const numbers = "fds" in tap ? tap.fds.map(inherit) : [];
  const queues =
    "name" in tap
      ? { ifname: tap.name, script: "no", downscript: "no", ...(several && { queues: queuePairs }) }
      : several
        ? { fds: numbers.join(":") }
        : { fd: String(numbers[0]) };
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
