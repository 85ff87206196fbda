import type { Mapping } from "../../core/sys/devices.js";
import type { Sys } from "../../core/sys/sys.js";
import { pageSize } from "../memory/guest-ram.js";
import type { ShownRegisters } from "../virtio/mmio-transport.js";
import { setMemorySlot } from "./memory-slot.js";

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
 * A page in the place of a device's registers, for as long as they stay as they are: a guest reads it without an exit,
 * and what it writes there is an access to a device, as without it.
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

  #set(size: number): void {
    const { machine, slot, address } = this.#place;
    setMemorySlot(this.#devices, machine, { slot, readOnly: true, address, size, hostAddress: this.#memory.address });
  }
}
