import type { AttachedDevice, Device } from "../../../core/contracts/device.js";
import { hypervisorErrors } from "../../../core/hypervisor/errors.js";
import type { Sys } from "../../../core/sys/sys.js";
import type { DeviceSpec } from "../../../vmm/threads/device-spec.js";

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

/** The devices that a machine is started with, besides its own. */
export class DeviceList {
  readonly #sys: Pick<Sys, "descriptors">;
  readonly #known = new Map<string, DeviceSpec>();
  #disks: number;

  /** `disks` is how many disks stand before these. */
  constructor(sys: Pick<Sys, "descriptors">, disks: number) {
    this.#sys = sys;
    this.#disks = disks;
  }

  get specs(): readonly DeviceSpec[] {
    return [...this.#known.values()];
  }

  add(device: Device): AttachedDevice {
    const { id } = device;
    if (this.#known.has(id)) throw hypervisorErrors.KATA_HYPERVISOR_DEVICE_EXISTS({ hypervisor, id });
    switch (device.kind) {
      case "block": {
        if (device.driver !== "virtio-blk-mmio")
          throw refusal(device, `its driver is "${device.driver}"; this machine takes virtio-blk-mmio`);
        if (this.#disks === mostDisks) throw refusal(device, `it has ${mostDisks} disks already`);
        this.#known.set(id, { kind: "disk", id, path: device.path, readOnly: device.readOnly });
        return { id, guestLocator: diskName(this.#disks++) };
      }
      case "net":
        this.#known.set(id, {
          kind: "card",
          id,
          mac: device.hardwareAddress,
          // The caller keeps its own of each.
          taps: device.tapFds.map((fd) => this.#sys.descriptors.duplicate(fd)),
          queueSize: device.queueSize,
        });
        return { id };
      case "fs":
        if (device.cacheSizeMiB > 0) throw refusal(device, "it has no DAX window yet; set virtio_fs_cache_size = 0");
        this.#known.set(id, { kind: "share", id, tag: device.tag, socket: device.socket, queueSize: device.queueSize });
        return { id };
      default:
        throw refusal(device, "this kind is not known");
    }
  }

  /** Forgets a device before the machine starts. */
  remove(id: string): void {
    const spec = this.#known.get(id);
    if (spec === undefined)
      throw hypervisorErrors.KATA_HYPERVISOR_DEVICE_UNKNOWN({ hypervisor, id, there: [...this.#known.keys()] });
    this.#known.delete(id);
    this.#release(spec);
  }

  /** Gives up what it holds, when the machine never started. */
  close(): void {
    for (const spec of this.specs) this.#release(spec);
    this.#known.clear();
  }

  #release(spec: DeviceSpec): void {
    if (spec.kind === "card") for (const fd of spec.taps) this.#sys.descriptors.close(fd);
  }
}
