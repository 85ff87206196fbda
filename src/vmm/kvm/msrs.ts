import { kvmRequests } from "../../core/kvm/abi.js";
import { errnoNameOf } from "../../core/sys/sys-error.js";
import type { Devices } from "../../core/sys/devices.js";

/** Model-specific registers by their numbers. */
export type Msrs = readonly (readonly [number: number, value: bigint])[];

/** Bytes of `struct kvm_msrs` without entries, and of an entry: a number, nothing, and 64 bits. */
const headerBytes = 8;
const entryBytes = 16;

/** KVM takes fewer than 256 at once. */
const perCall = 128;

/** More than any KVM has. */
const mostNumbers = 4096;

/** The number of the register that has the deadline of a local APIC's timer, and may be set only once the timer is in that mode. */
export const tscDeadline = 0x6e0;

/** Numbers of the registers that KVM keeps for a guest, by `/dev/kvm`. */
export function msrNumbers(devices: Pick<Devices, "ioctl">, kvm: number): number[] {
  const list = new Uint8Array(4 + mostNumbers * 4);
  const view = new DataView(list.buffer);
  view.setUint32(0, mostNumbers, true);
  devices.ioctl(kvm, kvmRequests.getMsrIndexList, list);
  return Array.from({ length: view.getUint32(0, true) }, (_, index) => view.getUint32(4 + index * 4, true));
}

/** Reads registers of a vCPU; those that this one does not have are left out. */
export function readMsrs(devices: Pick<Devices, "ioctl">, vcpu: number, numbers: readonly number[]): Msrs {
  const found: (readonly [number, bigint])[] = [];
  for (let left = numbers; left.length > 0; ) {
    const some = left.slice(0, perCall);
    const table = tableOf(some.map((number) => [number, 0n]));
    // KVM stops at the first that it cannot read, and says how many there were before.
    const count = transfer(devices, vcpu, kvmRequests.getMsrs, table);
    const view = new DataView(table.buffer);
    for (let index = 0; index < count; index++) {
      const entry = headerBytes + index * entryBytes;
      found.push([view.getUint32(entry, true), view.getBigUint64(entry + 8, true)]);
    }
    left = left.slice(count < some.length ? count + 1 : count);
  }
  return found;
}

/**
 * Sets registers of a vCPU. Some can only be read: those that KVM refuses are given back unless they have that value
 * already.
 */
export function writeMsrs(devices: Pick<Devices, "ioctl">, vcpu: number, msrs: Msrs): Msrs {
  const refused: (readonly [number, bigint])[] = [];
  for (let left = msrs; left.length > 0; ) {
    const some = left.slice(0, perCall);
    const count = transfer(devices, vcpu, kvmRequests.setMsrs, tableOf(some));
    const stopper = some[count];
    if (stopper !== undefined) {
      const [now] = readMsrs(devices, vcpu, [stopper[0]]);
      if (now?.[1] !== stopper[1]) refused.push(stopper);
    }
    left = left.slice(stopper === undefined ? count : count + 1);
  }
  return refused;
}

/** KVM answers how many it has dealt with; that the very first cannot be, some kernels say by an error. */
function transfer(devices: Pick<Devices, "ioctl">, vcpu: number, request: number, table: Uint8Array): number {
  try {
    return devices.ioctl(vcpu, request, table);
  } catch (error) {
    if (errnoNameOf(error) !== "EINVAL") throw error;
    return 0;
  }
}

/** `struct kvm_msrs` of them. */
function tableOf(msrs: Msrs): Uint8Array {
  const table = new Uint8Array(headerBytes + msrs.length * entryBytes);
  const view = new DataView(table.buffer);
  view.setUint32(0, msrs.length, true);
  for (const [index, [number, value]] of msrs.entries()) {
    const entry = headerBytes + index * entryBytes;
    view.setUint32(entry, number, true);
    view.setBigUint64(entry + 8, value, true);
  }
  return table;
}
