import { codeOf } from "../../core/errors/error.js";
import type { Sys } from "../../core/sys/sys.js";
import type { VirtioDevicePlace } from "../boot/command-line.js";
import { vmmErrors } from "../errors.js";
import { layout, mostSlots, virtioSlot } from "../machine/layout.js";
import type { SlotTable } from "../machine/slot-table.js";
import type { DeviceHost } from "../threads/device-host.js";
import type { DeviceSpec } from "../threads/device-spec.js";
import { closeSpec } from "../threads/spec-descriptors.js";
import type { GuestDevice, GuestSide } from "./guest-side.js";
import { Turnstile } from "../../core/turnstile.js";

/** What devices are plugged in with. */
export interface DevicePlugsParts {
  readonly sys: Pick<Sys, "descriptors">;
  readonly slots: SlotTable;
  readonly host: Pick<DeviceHost, "plug" | "unplug">;
  /** The guest; absent when nobody can tell it, and it looks for itself. */
  readonly guest?: Pick<GuestSide, "addDevice" | "removeDevice"> | undefined;
}

/** Where a guest finds the slot of that number. */
export function placeOf(slot: number): VirtioDevicePlace {
  const place = virtioSlot(slot);
  if (place === undefined) throw vmmErrors.KATA_VMM_SLOTS({ slots: mostSlots, devices: slot + 1 });
  return { ...place, size: layout.virtioStride };
}

/** Plugs devices into a machine that runs, and takes them out: one after the other, on both sides of the slot. */
export class DevicePlugs {
  readonly #parts: DevicePlugsParts;
  readonly #turns = new Turnstile();
  #isClosed = false;

  constructor(parts: DevicePlugsParts) {
    this.#parts = parts;
  }

  /**
   * Plugs a device in, and has the guest take it. `KATA_VMM_SLOTS`, `KATA_VMM_DEVICE_EXISTS`, `KATA_VMM_DEVICE` when it cannot
   * be made, and what the guest refuses it with; the device is out again then. Descriptors of the spec are taken in any case.
   */
  plug(spec: DeviceSpec): Promise<GuestDevice> {
    return this.#turns.pass(() => this.#plug(spec));
  }

  /**
   * Has the guest let go of a device, and takes it out. When the guest refuses, or does not answer, the device stays; with
   * `force` it is taken out nevertheless, and its slot is lost. `KATA_VMM_DEVICE_UNKNOWN` when there is none of that id.
   */
  unplug(id: string, { force = false }: { readonly force?: boolean } = {}): Promise<void> {
    return this.#turns.pass(() => this.#unplug(id, force));
  }

  /** The machine ends: what waits for its turn is refused with `KATA_VMM_NOT_RUNNING`. */
  close(): void {
    this.#isClosed = true;
  }

  async #plug(spec: DeviceSpec): Promise<GuestDevice> {
    const { sys, slots, host, guest } = this.#parts;
    let slot: number;
    try {
      this.#assertOpen(`take the device "${spec.id}"`);
      slot = slots.take(spec.id);
    } catch (error) {
      closeSpec(sys, spec);
      throw error;
    }
    try {
      await host.plug({ slot, spec });
    } catch (error) {
      slots.release(spec.id);
      throw error;
    }
    try {
      return (await guest?.addDevice(placeOf(slot))) ?? {};
    } catch (error) {
      const undone = this.#takeOut(spec.id, isRefusal(error));
      throw await undone.then(
        () => error,
        (more: unknown) => new AggregateError([error, more], `plugging in "${spec.id}", and undoing it`),
      );
    }
  }

  async #unplug(id: string, force: boolean): Promise<void> {
    this.#assertOpen(`give back the device "${id}"`);
    const { slots, guest } = this.#parts;
    const place = placeOf(slots.slotOf(id));
    let letGo = true;
    try {
      await guest?.removeDevice(place);
    } catch (error) {
      if (!force) throw error;
      letGo = false;
    }
    await this.#takeOut(id, letGo);
  }

  #assertOpen(what: string): void {
    if (this.#isClosed) throw vmmErrors.KATA_VMM_NOT_RUNNING({ what });
  }

  /** Takes a device out of its slot, which is lost when a driver of the guest may still be there. */
  async #takeOut(id: string, free: boolean): Promise<void> {
    const { slots, host } = this.#parts;
    try {
      await host.unplug(id);
    } catch (error) {
      slots.lose(id);
      throw error;
    }
    if (free) slots.release(id);
    else slots.lose(id);
  }
}

/** The guest has answered that it does not take the device, so no driver is at it. */
const isRefusal = (error: unknown): boolean => codeOf(error) === "KATA_UPCALL_REFUSED";
