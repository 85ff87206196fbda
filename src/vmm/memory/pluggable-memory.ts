import { codeOf } from "../../core/errors/error.js";
import { withDeadline } from "../../core/deadline.js";

const mib = 2 ** 20;

/** Bytes that are plugged at once: Linux takes no less than 2 MiB, and upstream's machine has the same. */
export const pluggableBlock = 4 * mib;

/** Linux has memory in blocks of this many bytes: what is beyond the last whole one can never be plugged. */
export const pluggableUnit = 128 * mib;

/** Memory of a machine after it was asked for more or less. */
export interface ResizedMemory {
  /** What it has now, in MiB. */
  readonly memoryMiB: number;
  /** Whether its guest has done all it was asked to in time; one that has not may do so later. */
  readonly complete: boolean;
}

/** What memory can be plugged into, and how its guest is asked. */
export interface PluggableOptions {
  /** What the machine starts with, in MiB. */
  readonly bootMiB: number;
  /** Bytes of the region. */
  readonly size: number;
  /** Asks the guest to have so many bytes of it plugged in. */
  readonly request: (bytes: number) => void;
  /** Milliseconds for the guest to do it. */
  readonly ms: number;
}

/** Memory that the guest plugs in and out while it runs, beyond what the machine starts with. */
export class PluggableMemory {
  readonly #options: PluggableOptions;
  #plugged = 0;
  #requested = 0;
  /** One after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #changed: () => void = () => undefined;

  constructor(options: PluggableOptions) {
    this.#options = options;
  }

  /** The guest has so many bytes plugged in now. */
  heard(plugged: number): void {
    this.#plugged = plugged;
    this.#changed();
  }

  /** What the machine has now, in MiB. */
  get memoryMiB(): number {
    return this.#options.bootMiB + this.#plugged / mib;
  }

  /**
   * Asks the guest for that much memory in all, in MiB: rounded up to whole blocks, no less than the machine started with and
   * no more than there can be. What it has done in time is the answer.
   */
  resize(memoryMiB: number): Promise<ResizedMemory> {
    const next = this.#last.then(() => this.#resize(memoryMiB));
    this.#last = next.catch(() => undefined);
    return next;
  }

  async #resize(memoryMiB: number): Promise<ResizedMemory> {
    const { bootMiB, size, request, ms } = this.#options;
    const wanted = Math.ceil(((memoryMiB - bootMiB) * mib) / pluggableBlock) * pluggableBlock;
    const bytes = Math.min(Math.max(wanted, 0), size);
    this.#requested = bytes;
    request(bytes);
    try {
      await withDeadline({ ms, what: "the guest to plug memory" }, (signal) => this.#reached(signal));
    } catch (error) {
      if (codeOf(error) !== "KATA_DEADLINE") throw error;
    }
    return { memoryMiB: this.memoryMiB, complete: this.#plugged === bytes };
  }

  async #reached(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#changed(), { once: true });
    while (this.#plugged !== this.#requested && !signal.aborted) {
      await new Promise<void>((resolve) => (this.#changed = resolve));
    }
  }
}
