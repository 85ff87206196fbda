import type { Agent } from "../contracts/agent.js";
import type { Disk, Disks } from "../contracts/disks.js";
import { describeError } from "../errors/error.js";
import type { Logger } from "../log.js";
import type { LimitsFollower } from "../sandbox/container-limits.js";
import { Turnstile } from "../turnstile.js";
import { swapErrors } from "./errors.js";
import type { SwapFiles } from "./swap-files.js";
import { leastSwapBytes, pageBytes } from "./swap-head.js";

const mib = 2 ** 20;

/** What a guest is given swap with. */
export interface GuestSwapParts {
  readonly files: SwapFiles;
  readonly disks: Disks;
  readonly agent: Pick<Agent, "name" | "capability">;
  readonly log: Logger;
  /** What the machine has now, in MiB. */
  readonly memoryMiB: () => number;
  /** `guest_swap_size_percent`: swap of so much of the memory. */
  readonly percent: number;
  /** `guest_swap_create_threshold_secs`, in milliseconds; with 0 swap is there before the container that it is for. */
  readonly thresholdMs: number;
  /** Has it known to other processes what disks the machine has. */
  readonly keep: () => Promise<void>;
}

/** Bytes of swap for a machine, in whole pages. */
export const swapBytes = (memoryMiB: number, percent: number): number =>
  Math.floor((memoryMiB * mib * percent) / 100 / pageBytes) * pageBytes;

/**
 * Gives a guest swap as its machine grows: disks of swap files, whose sizes together follow the machine's memory. What the guest
 * has it keeps, since pages may be there. With a threshold that is done in the background so much later: what fails is logged,
 * and tried again when the limits of a container change next. Without, a container for which it fails is refused.
 */
export class GuestSwap implements LimitsFollower {
  readonly name = "the guest's swap";
  readonly #parts: GuestSwapParts;
  readonly #turns = new Turnstile();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(parts: GuestSwapParts) {
    this.#parts = parts;
  }

  async grow(): Promise<void> {
    if (this.#parts.thresholdMs === 0) await this.#follow();
  }

  async shrink(): Promise<void> {
    const { thresholdMs, log } = this.#parts;
    if (thresholdMs === 0 || this.#timer !== undefined || this.#closed) return;
    const follow = async () => {
      this.#timer = undefined;
      if (await this.#follow()) await this.#parts.keep();
    };
    this.#timer = setTimeout(() => {
      follow().catch((error: unknown) => {
        if (!this.#closed) log.error("the guest gets no more swap", { error: describeError(error) });
      });
    }, thresholdMs);
    this.#timer.unref();
  }

  /** Nothing is begun any more; ends when what was begun has come to its end. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#turns.pass(() => Promise.resolve());
  }

  /** Whether there is more than before. */
  #follow(): Promise<boolean> {
    return this.#turns.pass(async () => {
      const { files, memoryMiB, percent, log } = this.#parts;
      const bytes = swapBytes(memoryMiB(), percent) - files.bytes;
      if (bytes < leastSwapBytes || this.#closed) return false;
      await this.#add(bytes);
      log.info("the guest has more swap", { bytes, all: files.bytes });
      return true;
    });
  }

  async #add(bytes: number): Promise<void> {
    const { files, disks, agent } = this.#parts;
    const swap = agent.capability("swap");
    if (swap === undefined) throw swapErrors.KATA_SWAP_AGENT({ agent: agent.name });
    const { path } = files.make(bytes);
    let disk: Disk | undefined;
    try {
      disk = await disks.add({ purpose: "the guest's swap", path, readOnly: false });
      await swap.add(disk.device(""));
    } catch (error) {
      await this.#undo(path, disk, error);
      throw error;
    }
  }

  /** A file that the machine keeps stays with it, and counts: nothing says that the guest does not use it. */
  async #undo(path: string, disk: Disk | undefined, reason: unknown): Promise<void> {
    const { files, log } = this.#parts;
    try {
      await disk?.release();
      files.remove(path);
    } catch (error) {
      log.warn("a swap file stays until the sandbox ends", { path, reason: describeError(reason), error });
    }
  }
}
