import { codeOf } from "../../core/errors/error.js";
import type { Logger } from "../../core/log.js";
import { vmmErrors } from "../errors.js";
import type { VcpuSet } from "../threads/vcpu-set.js";
import type { GuestSide } from "./guest-side.js";
import { Turnstile } from "../../core/turnstile.js";

/** What processors are plugged in with. */
export interface ProcessorsParts {
  readonly vcpus: Pick<VcpuSet, "start" | "park">;
  readonly guest: Pick<GuestSide, "addProcessors" | "removeProcessors">;
  /** How many the guest has in use when it has started, and the most that there may be. */
  readonly count: number;
  readonly most: number;
  readonly log: Logger;
}

/** How many processors a guest that runs has: the first of those that its tables tell of. */
export class Processors {
  readonly #parts: ProcessorsParts;
  readonly #turns = new Turnstile();
  #count: number;

  constructor(parts: ProcessorsParts) {
    this.#parts = parts;
    this.#count = parts.count;
  }

  /** How many the guest has in use. */
  get count(): number {
    return this.#count;
  }

  /**
   * Makes them as many as that, and answers how many there are then: fewer, or more, when the guest refuses one of them.
   * `KATA_VMM_VCPUS` for a number that there cannot be; when the guest does not answer, `KATA_UPCALL_…`: then the processor in
   * question runs on, since the guest may have it.
   */
  resize(count: number): Promise<number> {
    const { most } = this.#parts;
    if (!Number.isInteger(count) || count < 1 || count > most) {
      return Promise.reject(vmmErrors.KATA_VMM_VCPUS({ count, most }));
    }
    return this.#turns.pass(async () => {
      try {
        while (this.#count < count) await this.#add(this.#count);
        while (this.#count > count) await this.#remove(this.#count - 1);
      } catch (error) {
        if (codeOf(error) !== "KATA_UPCALL_REFUSED") throw error;
        this.#parts.log.warn("the guest has another number of processors than it should have", {
          wanted: count,
          has: this.#count,
          error,
        });
      }
      return this.#count;
    });
  }

  /** A processor must run when the guest starts it. */
  async #add(id: number): Promise<void> {
    const { vcpus, guest } = this.#parts;
    await vcpus.start(id);
    try {
      await guest.addProcessors([id]);
    } catch (error) {
      if (codeOf(error) === "KATA_UPCALL_REFUSED") await vcpus.park(id);
      throw error;
    }
    this.#count = id + 1;
  }

  async #remove(id: number): Promise<void> {
    const { vcpus, guest } = this.#parts;
    await guest.removeProcessors([id]);
    this.#count = id;
    await vcpus.park(id);
  }
}
