import type { Disks } from "../../../core/contracts/disks.js";
import type { ContainerContribution } from "../../../core/contracts/guest.js";
import { DiskResource } from "../../../core/disks/disk-resource.js";
import { blockDeviceByNumber, type HostBlockDevice } from "../../../core/disks/host-block-device.js";
import type { OciDeviceCgroup, OciLinuxDevice, OciSpec } from "../../../core/oci/spec.js";
import { handlerErrors } from "./errors.js";

/** The block devices among a spec's `linux.devices`. */
export function blockDevicesOf({ linux }: OciSpec): OciLinuxDevice[] {
  return (linux?.devices ?? []).filter(({ type }) => type === "b");
}

/** The rules of a spec for exactly its block devices: the guest's agent puts its own numbers into them. */
export function blockDeviceRules(spec: OciSpec): OciDeviceCgroup[] {
  const devices = blockDevicesOf(spec);
  return (spec.linux?.resources?.devices ?? []).filter((rule) => devices.some((device) => isFor(rule, device)));
}

function isFor(rule: OciDeviceCgroup, { type, major, minor }: OciLinuxDevice): boolean {
  return rule.allow && rule.type === type && rule.major === major && rule.minor === minor;
}

const isNumber = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0;

/** A block device of the host that a container is to have as a device: a disk of the machine, from its creation to its end. */
export class PluggedDevice extends DiskResource<ContainerContribution> {
  readonly name: string;
  readonly #device: OciLinuxDevice;
  readonly #readOnly: boolean;
  readonly #disks: Disks | undefined;
  readonly #find: (major: number, minor: number) => HostBlockDevice;

  /** It is read-only, for the machine too, when there are rules for it and none lets the container write. */
  constructor(device: OciLinuxDevice, spec: OciSpec, disks: Disks | undefined, find = blockDeviceByNumber) {
    super();
    this.name = `device ${device.path}`;
    this.#device = device;
    const rules = blockDeviceRules(spec).filter((rule) => isFor(rule, device));
    this.#readOnly = rules.length > 0 && rules.every(({ access = "rwm" }) => !access.includes("w"));
    this.#disks = disks;
    this.#find = find;
  }

  async prepare(): Promise<ContainerContribution> {
    const { path, major, minor } = this.#device;
    if (this.#disks === undefined) throw handlerErrors.KATA_DEVICE_NO_DISKS({ path });
    if (!isNumber(major) || !isNumber(minor)) {
      const field = `linux.devices: ${path}`;
      throw handlerErrors.KATA_SPEC_INVALID({ field, problem: "is a block device without its two numbers" });
    }
    const { path: node } = this.#find(major, minor);
    this.disk = await this.#disks.add({ purpose: `the device ${path}`, path: node, readOnly: this.#readOnly });
    return { devices: [this.disk.device(path)] };
  }
}
