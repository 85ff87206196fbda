import { vmmErrors } from "../errors.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import { type ChainReader, readChain } from "./descriptor-chain.js";
import { checkQueueLayout, descriptorSize } from "./queue-layout.js";
import type { Chain, Virtqueue } from "./virtqueue.js";

/** What a driver has said of a queue, and what it may use in it. */
export interface SplitQueueOptions {
  readonly index: number;
  readonly size: number;
  readonly memory: GuestMemory;
  /** Guest-physical addresses of the descriptor table, the available ring (driver area) and the used ring (device area). */
  readonly descriptors: number;
  readonly driver: number;
  readonly device: number;
  /** VIRTIO_F_INDIRECT_DESC and VIRTIO_F_EVENT_IDX, if the driver has taken them. */
  readonly indirect: boolean;
  readonly eventIndex: boolean;
  /** Where a queue that was saved goes on; at its beginning unless told. */
  readonly at?: QueuePosition;
}

/** How far a queue is, none of whose buffers is taken: what was taken and what was given back, counted mod 2^16. */
export interface QueuePosition {
  readonly next: number;
  readonly given: number;
}

/** Bits of `flags` in the used and in the available ring (virtio 1.2, 2.7.6 and 2.7.8). */
const noNotify = 1;
const noInterrupt = 1;

/** Whether moving from `old` to `now` has passed `event` (virtio 1.2, 2.7.10: `vring_need_event`). */
const passed = (event: number, now: number, old: number): boolean =>
  ((now - event - 1) & 0xffff) < ((now - old) & 0xffff);

/**
 * A split virtqueue in the guest's memory. Where the rings are is checked once, when it is made; what is in them each time
 * it is read, and read once only. A queue that has thrown `KATA_VMM_QUEUE` is not to be used any more.
 */
export class SplitQueue implements Virtqueue {
  readonly index: number;
  readonly size: number;
  readonly #reader: ChainReader;
  /** The available ring in 16-bit words: flags, idx, `size` entries, used_event. */
  readonly #available: Uint16Array;
  /** The used ring: flags and idx as words, then entries of a descriptor's index and a length, then avail_event. */
  readonly #used: Uint16Array;
  readonly #usedEntries: DataView;
  readonly #eventIndex: boolean;
  /** `idx` of the available ring when it was last read, and the next entry to take: both count on without end, mod 2^16. */
  #made = 0;
  #next = 0;
  /** `idx` of the used ring, and what it was when an interrupt was last thought of. */
  #given = 0;
  #told = 0;
  /** Buffers that were taken and not given back. */
  #taken = 0;
  #quiet = false;
  /** Gives no more buffers. */
  #frozen = false;
  /** Is waited for until no buffer is taken. */
  #settle: (() => void) | undefined;

  /** `KATA_VMM_QUEUE` when there can be no queue of that size at those addresses. */
  constructor(options: SplitQueueOptions) {
    checkQueueLayout(options);
    const { index, size, memory, descriptors, driver, device } = options;
    this.index = index;
    this.size = size;
    this.#eventIndex = options.eventIndex;
    const table = memory.slice(descriptors, size * descriptorSize);
    this.#reader = { queue: index, size, memory, table: viewOf(table), indirect: options.indirect };
    const available = memory.slice(driver, 6 + 2 * size);
    this.#available = new Uint16Array(available.buffer, available.byteOffset, available.length / 2);
    const used = memory.slice(device, 6 + 8 * size);
    this.#used = new Uint16Array(used.buffer, used.byteOffset, used.length / 2);
    this.#usedEntries = viewOf(used.subarray(4));
    if (options.at !== undefined) this.#goOnAt(options.at);
  }

  /**
   * Gives no more buffers until `thaw`, and leaves the guest's memory alone once this has ended: when all that were taken
   * are given back.
   */
  async freeze(): Promise<void> {
    this.#frozen = true;
    if (this.#taken > 0) await new Promise<void>((resolve) => (this.#settle = resolve));
  }

  thaw(): void {
    this.#frozen = false;
    this.#settle = undefined;
  }

  /** How far it is, while it is frozen. */
  get position(): QueuePosition {
    return { next: this.#next, given: this.#given };
  }

  pop(): Chain | undefined {
    if (this.#frozen) return undefined;
    if (this.#next === this.#made && !this.#look()) return undefined;
    if (this.#taken >= this.size) {
      const problem = `it has more buffers than its ${this.size} entries: some are available and not given back yet`;
      throw vmmErrors.KATA_VMM_QUEUE({ queue: this.index, problem });
    }
    const head = this.#available[2 + (this.#next & (this.size - 1))] ?? 0;
    const chain = readChain(this.#reader, head);
    this.#next = (this.#next + 1) & 0xffff;
    this.#taken++;
    return chain;
  }

  unpop(): void {
    this.#next = (this.#next - 1) & 0xffff;
    this.#returned();
  }

  push(chain: Chain, written: number, more = false): void {
    const entry = (this.#given & (this.size - 1)) * 8;
    this.#usedEntries.setUint32(entry, chain.head, true);
    this.#usedEntries.setUint32(entry + 4, written, true);
    this.#given = (this.#given + 1) & 0xffff;
    // Seen by the driver after what was written above, and before `used_event` or `flags` are read below.
    if (!more) Atomics.store(this.#used, 1, this.#given);
    this.#returned();
  }

  takeInterrupt(): boolean {
    if (this.#told === this.#given) return false;
    const old = this.#told;
    this.#told = this.#given;
    if (!this.#eventIndex) return (Atomics.load(this.#available, 0) & noInterrupt) === 0;
    return passed(Atomics.load(this.#available, 2 + this.size), this.#given, old);
  }

  #returned(): void {
    this.#taken--;
    if (this.#taken === 0) this.#settle?.();
  }

  #goOnAt({ next, given }: QueuePosition): void {
    this.#made = this.#next = next;
    this.#given = this.#told = given;
    this.#quiet = (Atomics.load(this.#used, 0) & noNotify) !== 0;
  }

  /**
   * Reads how far the driver is; whether there is something new. If there is nothing, turns notifications on, and looks
   * once more: the driver may have added something just before it could see that.
   */
  #look(): boolean {
    if (this.#read()) {
      this.#notifications(false);
      return true;
    }
    this.#notifications(true);
    if (!this.#read()) return false;
    this.#notifications(false);
    return true;
  }

  #read(): boolean {
    const made = Atomics.load(this.#available, 1);
    const added = (made - this.#next) & 0xffff;
    if (added > this.size) {
      const problem = `its available index went from ${this.#next} to ${made}, further than its ${this.size} entries`;
      throw vmmErrors.KATA_VMM_QUEUE({ queue: this.index, problem });
    }
    this.#made = made;
    return added > 0;
  }

  /** With the event index, notifications stay off by themselves until `avail_event` is moved on. */
  #notifications(on: boolean): void {
    if (this.#eventIndex) {
      if (on) Atomics.store(this.#used, 2 + 4 * this.size, this.#next);
    } else if (this.#quiet === on) {
      this.#quiet = !on;
      Atomics.store(this.#used, 0, on ? 0 : noNotify);
    }
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
