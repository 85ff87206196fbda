import { kvmRequests } from "../../core/kvm/abi.js";
import type { Sys } from "../../core/sys/sys.js";

/** Memory of a guest, as KVM has it: `struct kvm_userspace_memory_region`. Bytes. */
export interface MemorySlot {
  /** A number that no other of the machine's has. */
  readonly slot: number;
  /** The guest may only read it: what it writes there is an access to a device (`KVM_MEM_READONLY`). */
  readonly readOnly?: boolean;
  /** Guest-physical. */
  readonly address: number;
  /** 0 takes the memory away. */
  readonly size: number;
  readonly hostAddress: bigint;
}

/** `KVM_MEM_READONLY`. */
const readOnlyFlag = 2;

/** Gives memory to the machine of a descriptor, or takes it away (Documentation/virt/kvm/api.rst). */
export function setMemorySlot(
  devices: Sys["devices"],
  machine: number,
  { slot, readOnly = false, address, size, hostAddress }: MemorySlot,
): void {
  const region = new Uint8Array(32);
  const fields = new DataView(region.buffer);
  fields.setUint32(0, slot, true);
  fields.setUint32(4, readOnly ? readOnlyFlag : 0, true);
  fields.setBigUint64(8, BigInt(address), true);
  fields.setBigUint64(16, BigInt(size), true);
  fields.setBigUint64(24, hostAddress, true);
  devices.ioctl(machine, kvmRequests.setUserMemoryRegion, region);
}
