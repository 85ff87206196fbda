import { vmmErrors } from "../errors.js";
import { mostSlots } from "./layout.js";

/** Which device is in which slot for virtio devices. Ids are unique; slots are used again, the lowest first. */
export class SlotTable {
  readonly #slots = new Map<string, number>();
  /** Slots whose driver in the guest has never let go of a device that is gone. */
  readonly #lost = new Set<number>();
  readonly #count: number;

  constructor(count = mostSlots) {
    this.#count = count;
  }

  /** Ids of the devices, in the order in which they came. */
  get ids(): readonly string[] {
    return [...this.#slots.keys()];
  }

  /** A slot for a device; `KATA_VMM_DEVICE_EXISTS` for an id that is taken, `KATA_VMM_SLOTS` when all slots are. */
  take(id: string): number {
    if (this.#slots.has(id)) throw vmmErrors.KATA_VMM_DEVICE_EXISTS({ id });
    const used = new Set([...this.#slots.values(), ...this.#lost]);
    const slot = Array.from({ length: this.#count }, (_, index) => index).find((index) => !used.has(index));
    if (slot === undefined) throw vmmErrors.KATA_VMM_SLOTS({ slots: this.#count, devices: used.size + 1 });
    this.#slots.set(id, slot);
    return slot;
  }

  /** The slot of a device; `KATA_VMM_DEVICE_UNKNOWN` when there is none of that id. */
  slotOf(id: string): number {
    const slot = this.#slots.get(id);
    if (slot === undefined) throw vmmErrors.KATA_VMM_DEVICE_UNKNOWN({ id, there: this.ids });
    return slot;
  }

  /** The device is gone; its slot may be used again. */
  release(id: string): void {
    this.#slots.delete(id);
  }

  /** The device is gone, but a driver of the guest may still be at its slot, which is never used again. */
  lose(id: string): void {
    this.#lost.add(this.slotOf(id));
    this.#slots.delete(id);
  }
}
