import { kvmRequests } from "../../core/kvm/abi.js";
import type { Mapping } from "../../core/sys/devices.js";
import type { Sys } from "../../core/sys/sys.js";
import { pageSize } from "../memory/guest-ram.js";
import type { ShownRegisters } from "../virtio/mmio-transport.js";

/** `KVM_MEM_READONLY`: the guest reads it as memory; what it writes there is an access to a device, as without memory. */
const readOnly = 2;

/** Where a page is. */
export interface PagePlace {
  /** KVM's machine. */
  readonly machine: number;
  /** Number of its memory, which no other of the machine's has. */
  readonly slot: number;
  /** Guest-physical. */
  readonly address: number;
}

/**
 * A page in the place of a device's registers, for as long as they stay as they are: a guest reads it without an exit
 * (Documentation/virt/kvm/api.rst, KVM_SET_USER_MEMORY_REGION).
 */
export class ReadOnlyPage implements ShownRegisters {
  readonly #devices: Sys["devices"];
  readonly #place: PagePlace;
  readonly #memory: Mapping;
  #shown = false;

  constructor(devices: Sys["devices"], place: PagePlace) {
    this.#devices = devices;
    this.#place = place;
    this.#memory = devices.map({ length: pageSize, write: true });
  }

  show(fill: (page: Uint8Array) => void): void {
    if (this.#shown) return;
    this.#memory.bytes.fill(0);
    fill(this.#memory.bytes);
    this.#set(pageSize);
    this.#shown = true;
  }

  /** No processor reads it any more when this returns. */
  hide(): void {
    if (!this.#shown) return;
    this.#set(0);
    this.#shown = false;
  }

  close(): void {
    this.hide();
    this.#memory.unmap();
  }

  /** `struct kvm_userspace_memory_region`; one of no size is none. */
  #set(size: number): void {
    const region = new Uint8Array(32);
    const fields = new DataView(region.buffer);
    fields.setUint32(0, this.#place.slot, true);
    fields.setUint32(4, readOnly, true);
    fields.setBigUint64(8, BigInt(this.#place.address), true);
    fields.setBigUint64(16, BigInt(size), true);
    fields.setBigUint64(24, this.#memory.address, true);
    this.#devices.ioctl(this.#place.machine, kvmRequests.setUserMemoryRegion, region);
  }
}
