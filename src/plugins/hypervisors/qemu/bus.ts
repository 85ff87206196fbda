import { qemuErrors } from "./errors.js";
import type { Properties } from "./command.js";

/** Where a device is plugged. */
export interface Slot {
  /** `bus` and `addr` for QEMU. */
  readonly place: Properties;
  /** The PCI path by which an agent finds it, two hexadecimal digits a level; undefined on a machine without PCI. */
  readonly pciPath?: string;
  /** Undoes it, for a device that is gone. */
  readonly release: () => void;
}

/** Hands out the slots of one bus, lowest first, so that devices are found in the order they were added. */
class SlotPool {
  readonly #free: number[];
  readonly #bus: string;
  readonly #slots: number;
  readonly #remedy: string;

  /** `remedy` is a setting that gives more slots. */
  constructor(bus: string, first: number, last: number, remedy = "") {
    this.#bus = bus;
    this.#remedy = remedy;
    this.#slots = last - first + 1;
    this.#free = Array.from({ length: this.#slots }, (_, index) => first + index);
  }

  get hasFree(): boolean {
    return this.#free.length > 0;
  }

  take(): { readonly slot: number; readonly release: () => void } {
    const slot = this.#free.shift();
    if (slot === undefined) {
      throw qemuErrors.KATA_QEMU_BUS_FULL({ bus: this.#bus, slots: this.#slots, remedy: this.#remedy });
    }
    return this.#taken(slot);
  }

  /** Takes this very slot; undefined when it is not free. */
  retake(slot: number): { readonly slot: number; readonly release: () => void } | undefined {
    const index = this.#free.indexOf(slot);
    if (index === -1) return undefined;
    this.#free.splice(index, 1);
    return this.#taken(slot);
  }

  #taken(slot: number): { readonly slot: number; readonly release: () => void } {
    let taken = true;
    const release = () => {
      if (taken) this.#free.push(slot);
      taken = false;
    };
    return { slot, release };
  }
}

const hex = (slot: number) => slot.toString(16).padStart(2, "0");

/** The virtio buses of a machine. */
export interface VirtioBus {
  /** Whether it is PCI; memory-mapped otherwise. */
  readonly isPci: boolean;
  /** QEMU's name of a virtio device here: `virtio-blk` is `virtio-blk-pci-non-transitional` or `virtio-blk-device`. */
  model(kind: string): string;
  /** A slot for a device that is there when the machine starts. */
  coldSlot(): Slot;
  /** The same for one that may be pulled out later, as long as there are such slots. */
  removableSlot(): Slot;
  /** A slot into which a device can be plugged while the machine runs; undefined when it has none of that kind. */
  hotSlot(): Slot | undefined;
  /** The slot that a device has in a machine that is adopted, by its `place`; undefined when that is none, or not free. */
  retake(place: Properties): Slot | undefined;
}

/** Devices that QEMU also has in an older form, with the I/O ports of virtio 0.9, which nobody needs here. */
const transitional = new Set([
  "virtio-blk",
  "virtio-serial",
  "virtio-rng",
  "virtio-net",
  "virtio-scsi",
  "virtio-balloon",
  "vhost-vsock",
]);

/** Slots 1 to 30 of q35's root bus; 0 is the host bridge and 31 the chipset. Hotplug goes to the bridges on it. */
export class PciBus implements VirtioBus {
  readonly isPci = true;
  readonly #root: SlotPool;
  readonly #bridges: readonly { readonly id: string; readonly slot: number; readonly pool: SlotPool }[];

  /** `bridges` is how many bridges for hotplug there shall be. */
  constructor(bridges: number) {
    // From the end, far from the slots of disks: their order is that of their names in the guest.
    this.#root = new SlotPool("PCI bus", 1, 30 - bridges);
    this.#bridges = Array.from({ length: bridges }, (_, index) => {
      const id = `bridge${index}`;
      return { id, slot: 30 - index, pool: new SlotPool("bridge for hotplug", 1, 31, "default_bridges to more") };
    });
  }

  /** The devices that the bridges are. */
  bridges(): Properties[] {
    return this.#bridges.map(({ id, slot }, index) => ({
      driver: "pci-bridge",
      id,
      bus: "pcie.0",
      addr: `0x${hex(slot)}`,
      chassis_nr: index + 1,
      shpc: false,
      // Room for the registers of what will be plugged in: the guest gives out no more than the firmware has set aside.
      "mem-reserve": 2 ** 20,
      "pref64-reserve": 2 ** 20,
    }));
  }

  model(kind: string): string {
    return transitional.has(kind) ? `${kind}-pci-non-transitional` : `${kind}-pci`;
  }

  coldSlot(): Slot {
    const { slot, release } = this.#root.take();
    return { place: { bus: "pcie.0", addr: `0x${hex(slot)}` }, pciPath: hex(slot), release };
  }

  removableSlot(): Slot {
    const hasFree = this.#bridges.some(({ pool }) => pool.hasFree);
    return (hasFree ? this.hotSlot() : undefined) ?? this.coldSlot();
  }

  hotSlot(): Slot | undefined {
    const bridge = this.#bridges.find(({ pool }) => pool.hasFree) ?? this.#bridges.at(-1);
    if (bridge === undefined) return undefined;
    const { slot, release } = bridge.pool.take();
    return { place: { bus: bridge.id, addr: `0x${hex(slot)}` }, pciPath: `${hex(bridge.slot)}/${hex(slot)}`, release };
  }

  retake(place: Properties): Slot | undefined {
    const bridge = this.#bridges.find(({ id }) => id === place["bus"]);
    const pool = place["bus"] === "pcie.0" ? this.#root : bridge?.pool;
    const taken = pool?.retake(Number(place["addr"]));
    if (taken === undefined) return undefined;
    const addr = hex(taken.slot);
    return {
      place: { bus: place["bus"], addr: `0x${addr}` },
      pciPath: bridge === undefined ? addr : `${hex(bridge.slot)}/${addr}`,
      release: taken.release,
    };
  }
}

/** The eight memory-mapped virtio transports of microvm. Nothing can be plugged in while it runs. */
export class MmioBus implements VirtioBus {
  readonly isPci = false;
  readonly #transports = new SlotPool("row of virtio-mmio transports", 0, 7, 'machine_type = "q35"');

  model(kind: string): string {
    return `${kind}-device`;
  }

  coldSlot(): Slot {
    const { slot, release } = this.#transports.take();
    return { place: { bus: `virtio-mmio-bus.${slot}` }, release };
  }

  removableSlot(): Slot {
    return this.coldSlot();
  }

  hotSlot(): undefined {
    return undefined;
  }

  retake({ bus }: Properties): Slot | undefined {
    const number = /^virtio-mmio-bus\.(\d)$/.exec(typeof bus === "string" ? bus : "")?.[1];
    const taken = number === undefined ? undefined : this.#transports.retake(Number(number));
    return taken && { place: { bus }, release: taken.release };
  }
}
