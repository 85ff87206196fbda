import type { NetDevice } from "../../../core/contracts/device.js";
import type { Slot, VirtioBus } from "./bus.js";
import type { DevicePlan } from "./device-plan.js";

/** Queue pairs of one card at most: each has two vectors of interrupts, and QEMU gives a card 256 queues. */
export const mostQueuePairs = 64;

/** A network card on a tap, whose descriptors QEMU has under `names`: numbers of its own, or names of its monitor. */
export function networkCard(
  name: string,
  device: NetDevice,
  bus: VirtioBus,
  slot: Slot,
  names: readonly string[],
): DevicePlan {
  const backend = `${name}-tap`;
  const several = names.length > 1;
  const queues = several ? { fds: names.join(":") } : { fd: names.join() };
  return {
    name,
    slot,
    backend: { kind: "netdev", name: backend },
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
          ...(slot.pciPath !== undefined && {
            // No program to boot from the network: reading it would only take time.
            romfile: "",
            ...(several && { vectors: 2 * names.length + 2 }),
          }),
          ...slot.place,
        },
      },
    ],
    ...(slot.pciPath !== undefined && { guestLocator: slot.pciPath }),
  };
}

/** The same for a machine that runs, which is given the descriptors first. */
export function hotNetworkCard(name: string, device: NetDevice, bus: VirtioBus, slot: Slot): DevicePlan {
  const descriptors = device.tapFds.map((fd, index) => ({ name: `${name}-fd${index}`, fd }));
  const names = descriptors.map((one) => one.name);
  return { ...networkCard(name, device, bus, slot, names), descriptors };
}
