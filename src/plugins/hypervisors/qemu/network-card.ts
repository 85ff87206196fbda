import type { NetDevice, VhostUserNetDevice } from "../../../core/contracts/device.js";
import type { Slot, VirtioBus } from "./bus.js";
import type { Properties } from "./command.js";
import type { DevicePart, DevicePlan, FrontendPart } from "./device-plan.js";

/** Queue pairs of one card at most: each has two vectors of interrupts, and QEMU gives a card 256 queues. */
export const mostQueuePairs = 64;

/** Entries of a card's queue, the least and the most that QEMU takes. */
const [leastQueueSize, mostQueueSize] = [256, 1024];

/** A network card on a tap, whose descriptors QEMU has under `names`: numbers of its own, or names of its monitor. */
export function networkCard(
  name: string,
  device: NetDevice,
  bus: VirtioBus,
  slot: Slot,
  names: readonly string[],
): DevicePlan {
  const id = `${name}-tap`;
  const queues = names.length > 1 ? { fds: names.join(":") } : { fd: names.join() };
  const backend = { kind: "netdev", id, properties: { type: "tap", id, ...queues, vhost: device.vhost } } as const;
  const card = { device, backend: id, queuePairs: names.length, sizes: { rx_queue_size: queueSize(device) } };
  return cardPlan(name, [backend], frontend(name, card, bus, slot), slot);
}

/** The same for a machine that runs, which is given the descriptors first. */
export function hotNetworkCard(name: string, device: NetDevice, bus: VirtioBus, slot: Slot): DevicePlan {
  const descriptors = device.tapFds.map((fd, index) => ({ name: `${name}-fd${index}`, fd }));
  const names = descriptors.map((one) => one.name);
  return { ...networkCard(name, device, bus, slot, names), descriptors };
}

/** A network card that another program serves, which listens on a socket. */
export function servedCard(name: string, device: VhostUserNetDevice, bus: VirtioBus, slot: Slot): DevicePlan {
  const { socket, queuePairs } = device;
  const [chardev, id] = [`${name}-socket`, `${name}-served`];
  const properties = { type: "vhost-user", id, chardev, queues: queuePairs };
  // QEMU can size the queue of what the guest sends only when it does not move the frames itself.
  const sizes = { rx_queue_size: queueSize(device), tx_queue_size: queueSize(device) };
  return cardPlan(
    name,
    [
      { kind: "chardev", id: chardev, path: socket },
      { kind: "netdev", id, properties },
    ],
    { ...frontend(name, { device, backend: id, queuePairs, sizes }, bus, slot), ...withoutMessages(slot) },
    slot,
  );
}

/**
 * Without KVM, QEMU 7.2 takes message-signalled interrupts of such a card for those of KVM when the guest turns the card on,
 * and ends by SIGSEGV (`virtio_pci_set_guest_notifiers`). Lines of interrupts work.
 */
const withoutMessages = ({ pciPath }: Slot): Pick<FrontendPart, "emulated"> =>
  pciPath === undefined ? {} : { emulated: { vectors: 0 } };

const queueSize = ({ queueSize: wanted }: Pick<NetDevice, "queueSize">): number =>
  Math.min(mostQueueSize, Math.max(leastQueueSize, wanted));

function cardPlan(name: string, backends: readonly DevicePart[], card: FrontendPart, slot: Slot): DevicePlan {
  const { pciPath: guestLocator } = slot;
  return { name, slot, parts: [...backends, card], ...(guestLocator !== undefined && { guestLocator }) };
}

/** What of a card is the same whatever moves its frames. */
interface CardParts {
  readonly device: Pick<NetDevice, "hardwareAddress">;
  /** Id of the `netdev` behind it. */
  readonly backend: string;
  readonly queuePairs: number;
  readonly sizes: Properties;
}

function frontend(name: string, card: CardParts, bus: VirtioBus, slot: Slot): FrontendPart {
  const several = card.queuePairs > 1;
  return {
    kind: "device",
    properties: {
      driver: bus.model("virtio-net"),
      id: name,
      netdev: card.backend,
      mac: card.device.hardwareAddress,
      ...card.sizes,
      ...(several && { mq: true }),
      ...(slot.pciPath !== undefined && {
        // No program to boot from the network: reading it would only take time.
        romfile: "",
        ...(several && { vectors: 2 * card.queuePairs + 2 }),
      }),
      ...slot.place,
    },
  };
}
