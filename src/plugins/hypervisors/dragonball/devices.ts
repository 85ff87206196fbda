import type { AttachedDevice, Device } from "../../../core/contracts/device.js";
import { messageOf } from "../../../core/errors/error.js";
import { hypervisorErrors } from "../../../core/hypervisor/errors.js";
import type { Sys } from "../../../core/sys/sys.js";
import type { MicroVm } from "../../../vmm/micro-vm.js";
import type { DeviceSpec } from "../../../vmm/threads/device-spec.js";
import { closeSpec } from "../../../vmm/threads/spec-descriptors.js";
import { diskDriver, type DiskKeys, podDisk } from "./disk-settings.js";

/** This plugin's name in messages. */
export const hypervisor = "dragonball";

/** The error for a device that this machine does not take. */
export function refusal({ kind, id }: Pick<Device, "kind" | "id">, problem: string, cause?: unknown): Error {
  return hypervisorErrors.KATA_HYPERVISOR_DEVICE({ hypervisor, kind, id, problem }, { cause });
}

/** `vda` and so on, as Linux names virtio disks in the order in which it finds them. */
const diskName = (index: number): string => `/dev/vd${String.fromCharCode(97 + index)}`;

/** Disks that have names of one letter. */
const mostDisks = 26;

/** What is asked of the machine that runs. */
export type Pluggable = Pick<MicroVm, "plug" | "unplug">;

/** The devices of a machine besides its own: those that it is started with, and those that are plugged in later. */
export class DeviceList {
  readonly #sys: Pick<Sys, "descriptors">;
  readonly #settings: DiskKeys;
  readonly #known = new Map<string, DeviceSpec>();
  #disks: number;

  /** `disks` is how many disks stand before these. */
  constructor(sys: Pick<Sys, "descriptors">, settings: DiskKeys, disks: number) {
    this.#sys = sys;
    this.#settings = settings;
    this.#disks = disks;
  }

  get specs(): readonly DeviceSpec[] {
    return [...this.#known.values()];
  }

  /** Notes a device for the start of the machine. */
  add(device: Device): AttachedDevice {
    const { id } = device;
    if (device.kind === "block" && this.#disks === mostDisks)
      throw refusal(device, `it has ${mostDisks} disks already`);
    this.#known.set(id, this.#specOf(device));
    return device.kind === "block" ? { id, guestLocator: diskName(this.#disks++) } : { id };
  }

  /**
   * Plugs a device into the machine that runs. A disk's name is what the guest says: disks that came and went before make
   * counting useless. A guest whose own kernel takes devices says none.
   */
  async plug(device: Device, machine: Pluggable): Promise<AttachedDevice> {
    const { id } = device;
    const spec = this.#specOf(device);
    this.#known.set(id, spec);
    try {
      const { disk } = await machine.plug(spec);
      return { id, ...(disk !== undefined && { guestLocator: `/dev/${disk}` }) };
    } catch (error) {
      this.#known.delete(id);
      throw refusal(device, messageOf(error), error);
    }
  }

  /** Forgets a device before the machine starts. */
  remove(id: string): void {
    const spec = this.#get(id);
    this.#known.delete(id);
    closeSpec(this.#sys, spec);
  }

  /** Plugs all that are known into a machine that runs and has none of them. Descriptors are taken in any case. */
  async plugAll(machine: Pluggable): Promise<void> {
    const left = this.specs.slice();
    try {
      for (let spec = left.shift(); spec !== undefined; spec = left.shift()) await machine.plug(spec);
    } finally {
      for (const spec of left) closeSpec(this.#sys, spec);
    }
  }

  /** Takes a device out of the machine that runs, if the guest lets go of it. */
  async unplug(id: string, machine: Pluggable): Promise<void> {
    this.#get(id);
    await machine.unplug(id);
    this.#known.delete(id);
  }

  /** Gives up what it holds, when the machine never started. */
  close(): void {
    for (const spec of this.specs) closeSpec(this.#sys, spec);
    this.#known.clear();
  }

  #get(id: string): DeviceSpec {
    const spec = this.#known.get(id);
    if (spec !== undefined) return spec;
    throw hypervisorErrors.KATA_HYPERVISOR_DEVICE_UNKNOWN({ hypervisor, id, there: [...this.#known.keys()] });
  }

  #specOf(device: Device): DeviceSpec {
    const { id } = device;
    if (this.#known.has(id)) throw hypervisorErrors.KATA_HYPERVISOR_DEVICE_EXISTS({ hypervisor, id });
    switch (device.kind) {
      case "block":
        if (device.driver !== diskDriver)
          throw refusal(
            device,
            `its driver is "${device.driver}", and this machine takes ${diskDriver} alone; set [hypervisor.dragonball] block_device_driver`,
          );
        return {
          kind: "disk",
          id,
          path: device.path,
          readOnly: device.readOnly,
          ...podDisk(this.#settings),
        };
      case "net":
        return {
          kind: "card",
          id,
          mac: device.hardwareAddress,
          // The caller keeps its own of each.
          taps: device.tapFds.map((fd) => this.#sys.descriptors.duplicate(fd)),
          queueSize: device.queueSize,
          vhost: device.vhost,
        };
      case "fs":
        if (device.cacheSizeMiB > 0) throw refusal(device, "it has no DAX window yet; set virtio_fs_cache_size = 0");
        return { kind: "share", id, tag: device.tag, socket: device.socket, queueSize: device.queueSize };
      case "inline-fs":
        return { ...device, kind: "shared-directory" };
      default:
        throw refusal(device, "this kind is not known");
    }
  }
}
