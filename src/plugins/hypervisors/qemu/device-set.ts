import { messageOf } from "../../../core/errors/error.js";
import type {
  AttachedDevice,
  BlockDevice,
  Device,
  NetDevice,
  VfioDevice,
  VhostUserNetDevice,
} from "../../../core/contracts/device.js";
import { hypervisorErrors } from "../../../core/hypervisor/errors.js";
import type { Slot, VirtioBus } from "./bus.js";
import { type BlockKeys, scsiDisk, virtioDisk } from "./disk.js";
import { diskThreads } from "./disk-threads.js";
import { ScsiUnits } from "./scsi-units.js";
import { sharedDirectory } from "./shared-directory.js";
import { hotNetworkCard, mostQueuePairs, networkCard, servedCard } from "./network-card.js";
import type { DevicePlan } from "./device-plan.js";
import type { DeviceSetState } from "./machine-state.js";
import { passedThrough } from "./passed-through.js";

/** QEMU's name in messages. */
const hypervisor = "qemu";

/** A device that was added, and how QEMU is told of it. */
export interface KnownDevice {
  readonly device: Device;
  readonly plan: DevicePlan;
}

/** A device that a running machine may take. */
export type HotDevice = BlockDevice | NetDevice | VhostUserNetDevice | VfioDevice;

const hotKinds: readonly Device["kind"][] = ["block", "net", "vhost-user-net", "vfio"];

export const isHotpluggable = (device: Device): device is HotDevice => hotKinds.includes(device.kind);

/** Whether a program beside QEMU reads and writes the guest's memory for a device. */
const isServed = ({ kind }: Device): boolean => kind === "fs" || kind === "vhost-user-net";

const noSlot: Slot = { place: {}, release: () => undefined };

/** The devices of one machine: which there are, where each is plugged, and what each is called. */
export class DeviceSet {
  readonly #bus: VirtioBus;
  readonly #keys: BlockKeys;
  readonly #known = new Map<string, KnownDevice>();
  readonly #inherit: (fd: number) => number;
  readonly #units = new ScsiUnits();
  readonly #threads: readonly string[];
  #names = 0;
  #disks: number;

  /** `disks` is how many virtio disks stand before these; `inherit` gives descriptors their numbers in QEMU. */
  constructor(bus: VirtioBus, keys: BlockKeys, disks: number, inherit: (fd: number) => number) {
    this.#bus = bus;
    this.#keys = keys;
    this.#threads = diskThreads(keys);
    this.#disks = disks;
    this.#inherit = inherit;
  }

  list(): KnownDevice[] {
    return [...this.#known.values()];
  }

  /** Whether there is a device that needs the guest's memory to be shared with other programs. */
  get sharesMemory(): boolean {
    return this.list().some(({ device }) => isServed(device));
  }

  /** Where the programs listen that serve cards. */
  get sockets(): string[] {
    return this.list().flatMap(({ device }) => (device.kind === "vhost-user-net" ? [device.socket] : []));
  }

  has(id: string): boolean {
    return this.#known.has(id);
  }

  get(id: string): KnownDevice {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const there = [...this.#known.keys()];
    throw hypervisorErrors.KATA_HYPERVISOR_DEVICE_UNKNOWN({ hypervisor, id, there });
  }

  /** Notes a device that is there when the machine starts. */
  addCold(device: Device): AttachedDevice {
    // Links of a pod come and go; whatever else there is at the start stays to the end.
    const isRemovable = device.kind === "net" || device.kind === "vhost-user-net";
    return this.#add(device, () => (isRemovable ? this.#bus.removableSlot() : this.#bus.coldSlot()));
  }

  /** Notes a device that is plugged into a running machine. */
  addHot(device: HotDevice): AttachedDevice {
    const takeSlot = (): Slot => {
      const slot = this.#bus.hotSlot();
      if (slot !== undefined) return slot;
      throw refusal(device, "nothing can be plugged into the running machine; see [hypervisor.qemu] default_bridges");
    };
    return this.#add(device, takeSlot, true);
  }

  /** Forgets a device; its slot may be used again. */
  remove(id: string): void {
    const { device, plan } = this.get(id);
    this.#known.delete(id);
    plan.slot.release();
    if (device.kind === "block" && device.driver === "virtio-scsi") this.#units.release(plan.guestLocator);
  }

  /** All of it as plain data. */
  state(): DeviceSetState {
    const devices = this.list().map(({ device, plan: { name, parts, slot, guestLocator } }) => {
      // The descriptors are of this process.
      const known = device.kind === "net" ? { ...device, tapFds: [] } : device;
      return { device: known, name, parts, place: slot.place, ...(guestLocator !== undefined && { guestLocator }) };
    });
    return { devices, names: this.#names, disks: this.#disks, units: this.#units.state() };
  }

  /** Takes over the devices of a machine that runs; there must be none yet. */
  adopt({ devices, names, disks, units }: DeviceSetState): void {
    for (const { device, name, parts, place, guestLocator } of devices) {
      const slot = place["bus"] === undefined ? noSlot : this.#bus.retake(place);
      if (slot === undefined) throw refusal(device, `the slot ${JSON.stringify(place)} is not one, or not free`);
      this.#known.set(device.id, {
        device,
        plan: { name, parts, slot, ...(guestLocator !== undefined && { guestLocator }) },
      });
    }
    [this.#names, this.#disks] = [names, disks];
    this.#units.adopt(units);
  }

  #add(device: Device, takeSlot: () => Slot, hot = false): AttachedDevice {
    const { id } = device;
    if (this.#known.has(id)) throw hypervisorErrors.KATA_HYPERVISOR_DEVICE_EXISTS({ hypervisor, id });
    const plan = this.#plan(`device${this.#names++}`, device, takeSlot, hot);
    this.#known.set(id, { device, plan });
    return { id, ...(plan.guestLocator !== undefined && { guestLocator: plan.guestLocator }) };
  }

  #plan(name: string, device: Device, takeSlot: () => Slot, hot: boolean): DevicePlan {
    switch (device.kind) {
      case "block":
        return this.#planDisk(name, device, takeSlot);
      case "fs":
        if (device.cacheSizeMiB > 0) throw refusal(device, "QEMU has no DAX window; set virtio_fs_cache_size = 0");
        if (Buffer.byteLength(device.tag) > 36) throw refusal(device, "its tag is longer than 36 bytes");
        return sharedDirectory(name, device, this.#bus, takeSlot());
      case "inline-fs":
        throw refusal(
          device,
          'QEMU serves no directory by itself; set shared_fs = "virtio-fs", which has a daemon do it',
        );
      case "net":
        if (device.tapFds.length === 0) throw refusal(device, "it has no descriptor of a tap");
        assertQueues(device, device.tapFds.length);
        if (hot) return hotNetworkCard(name, device, this.#bus, takeSlot());
        return networkCard(name, device, this.#bus, takeSlot(), device.tapFds.map(this.#inherit).map(String));
      case "vfio":
        if (!this.#bus.isPci)
          throw refusal(device, "this machine has no PCI; set [hypervisor.qemu] machine_type = q35");
        return passedThrough(name, device, takeSlot());
      case "vhost-user-net":
        assertQueues(device, device.queuePairs);
        return servedCard(name, device, this.#bus, takeSlot());
      default:
        throw refusal(device, "this kind is not known");
    }
  }

  #planDisk(name: string, device: BlockDevice, takeSlot: () => Slot): DevicePlan {
    const virtio = this.#bus.isPci ? "virtio-blk-pci" : "virtio-blk-mmio";
    if (device.driver !== virtio && device.driver !== "virtio-scsi") {
      const problem = `its driver is "${device.driver}", and this machine takes ${virtio} and virtio-scsi; set [hypervisor.qemu] block_device_driver`;
      throw refusal(device, problem);
    }
    try {
      if (device.driver === "virtio-scsi") return scsiDisk(name, device, this.#units.take(), noSlot, this.#keys);
      const slot = takeSlot();
      const thread = this.#threads[this.#disks % this.#threads.length];
      const locator = `/dev/vd${diskLetters(this.#disks++)}`;
      return virtioDisk(name, device, { bus: this.#bus, slot, locator, thread }, this.#keys);
    } catch (error) {
      if (error instanceof Error && "syscall" in error) throw refusal(device, messageOf(error), error);
      throw error;
    }
  }
}

function assertQueues(device: Device, pairs: number): void {
  if (pairs > mostQueuePairs) {
    throw refusal(device, `it has ${pairs} queue pairs, and ${mostQueuePairs} are the most`);
  }
}

/** `a` to `z`, then `aa`: how Linux names its disks. */
export function diskLetters(index: number): string {
  const last = String.fromCharCode(97 + (index % 26));
  return index < 26 ? last : diskLetters(Math.floor(index / 26) - 1) + last;
}

/** The error for a device that this machine does not take. */
export function refusal(device: Pick<Device, "kind" | "id">, problem: string, cause?: unknown): Error {
  const { kind, id } = device;
  return hypervisorErrors.KATA_HYPERVISOR_DEVICE({ hypervisor, kind, id, problem }, { cause });
}
