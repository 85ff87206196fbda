import { kvmChips, kvmRequests, kvmStructureBytes } from "../../core/kvm/abi.js";
import type { Devices } from "../../core/sys/devices.js";

/** What of a machine KVM has besides its vCPUs; structures as in `linux/kvm.h`. */
export interface SavedChips {
  /** `struct kvm_irqchip` of each interrupt controller: both of the PC's, and the I/O APIC. */
  readonly firstPic: Uint8Array;
  readonly secondPic: Uint8Array;
  readonly ioApic: Uint8Array;
  /** `struct kvm_pit_state2`. */
  readonly timer: Uint8Array;
  /** `struct kvm_clock_data`. */
  readonly clock: Uint8Array;
}

/** The name of such a structure. */
export type ChipName = keyof SavedChips;

const chips = Object.keys(kvmChips) as readonly (keyof typeof kvmChips)[];

/** All of them with their bytes. */
export const chipBytes: Readonly<Record<ChipName, number>> = {
  firstPic: kvmStructureBytes(kvmRequests.getIrqchip),
  secondPic: kvmStructureBytes(kvmRequests.getIrqchip),
  ioApic: kvmStructureBytes(kvmRequests.getIrqchip),
  timer: kvmStructureBytes(kvmRequests.getPit2),
  clock: kvmStructureBytes(kvmRequests.getClock),
};

/** Offset of `flags` in `struct kvm_clock_data`: what KVM says of the clock, and older ones do not take back. */
const clockFlags = 8;

/** Reads them of a machine whose vCPUs do not run. */
export function saveChips(devices: Pick<Devices, "ioctl">, machine: number): SavedChips {
  const chip = (name: keyof typeof kvmChips): Uint8Array => {
    const bytes = new Uint8Array(chipBytes[name]);
    bytes[0] = kvmChips[name];
    devices.ioctl(machine, kvmRequests.getIrqchip, bytes);
    return bytes;
  };
  const timer = new Uint8Array(chipBytes.timer);
  devices.ioctl(machine, kvmRequests.getPit2, timer);
  const clock = new Uint8Array(chipBytes.clock);
  devices.ioctl(machine, kvmRequests.getClock, clock);
  return { firstPic: chip("firstPic"), secondPic: chip("secondPic"), ioApic: chip("ioApic"), timer, clock };
}

/** Gives them to a machine whose vCPUs are restored and do not run. The guest's clock goes on from where it was. */
export function restoreChips(devices: Pick<Devices, "ioctl">, machine: number, saved: SavedChips): void {
  for (const name of chips) devices.ioctl(machine, kvmRequests.setIrqchip, saved[name]);
  devices.ioctl(machine, kvmRequests.setPit2, saved.timer);
  const clock = saved.clock.slice();
  new DataView(clock.buffer).setUint32(clockFlags, 0, true);
  devices.ioctl(machine, kvmRequests.setClock, clock);
}
