import type { Monitor } from "./hotplug.js";
import { hotpluggableCpus } from "./qmp/queries.js";
import { guestAnswer } from "./guest-answer.js";

/** How long a guest may take for one processor, in milliseconds, when its code is not emulated. */
const guestMs = 5000;

const nameOf = (slot: number) => `cpu-${slot}`;

/** Changes how many processors a machine that runs has, one after the other; the guest has to agree to each. */
export class HotProcessors {
  readonly #monitor: Monitor;
  readonly #ms: number;
  readonly #keeps: boolean;

  /**
   * `slowdown` stretches the time that the guest has. One that `keeps` them takes none out again: a QEMU that emulates
   * processors (7.2) breaks its own memory when one comes after another has gone, and ends.
   */
  constructor(monitor: Monitor, { slowdown, keeps }: { readonly slowdown: number; readonly keeps: boolean }) {
    this.#monitor = monitor;
    this.#ms = guestMs * slowdown;
    this.#keeps = keeps;
  }

  /**
   * Makes them so many, and answers how many there are: more when those that the machine was started with are more, or when it
   * keeps what it has. Rejects
   * with what QEMU says, `KATA_QEMU_GUEST_REFUSES` or `KATA_DEADLINE`.
   */
  async resize(count: number): Promise<number> {
    for (;;) {
      const slots = await hotpluggableCpus(this.#monitor);
      const there = slots.filter((one) => one.device !== undefined);
      const free = slots.find((one) => one.device === undefined);
      const last = there.findLast(({ slot, device }) => device === `/machine/peripheral/${nameOf(slot)}`);
      if (there.length < count && free !== undefined) await this.#add(free.slot, free.properties);
      else if (there.length > count && last !== undefined && !this.#keeps) await this.#remove(last.slot);
      else return there.length;
    }
  }

  async #add(slot: number, properties: Readonly<Record<string, unknown>>): Promise<void> {
    const answer = guestAnswer(this.#monitor, { what: "CPU", slot, action: "take" });
    try {
      await this.#monitor.execute("device_add", { ...properties, id: nameOf(slot) });
      await answer.done(this.#ms);
    } finally {
      answer.forget();
    }
  }

  async #remove(slot: number): Promise<void> {
    const answer = guestAnswer(this.#monitor, { what: "CPU", slot, action: "give back" });
    try {
      await this.#monitor.execute("device_del", { id: nameOf(slot) });
      await answer.done(this.#ms);
    } finally {
      answer.forget();
    }
  }
}
