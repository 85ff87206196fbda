import type { GuestMemory } from "../../../src/vmm/memory/guest-memory.js";

/** A piece of a buffer as a driver makes it available. */
export interface Piece {
  readonly address: number;
  readonly length: number;
  readonly write?: boolean;
}

/** What the device gave back. */
export interface Used {
  readonly head: number;
  readonly written: number;
}

/** How a driver sets a queue up. */
export interface DriverQueueOptions {
  readonly memory: GuestMemory;
  readonly size: number;
  /** Where the queue is: a multiple of 4096, with `queueBytes(size)` bytes from there on. */
  readonly at: number;
  readonly eventIndex?: boolean;
}

const align = (address: number): number => Math.ceil(address / 4096) * 4096;

/** Bytes a queue of that size takes, in whole pages. */
export const queueBytes = (size: number): number => align(16 * size) + align(6 + 2 * size) + align(6 + 8 * size);

/** The driver's side of a split virtqueue, written from the specification alone (virtio 1.2, 2.7). */
export class DriverQueue {
  readonly memory: GuestMemory;
  readonly size: number;
  readonly descriptors: number;
  readonly driver: number;
  readonly device: number;
  readonly #eventIndex: boolean;
  readonly #free: number[];
  readonly #chains = new Map<number, readonly number[]>();
  #available = 0;
  #published = 0;
  #seen = 0;

  constructor({ memory, size, at, eventIndex = false }: DriverQueueOptions) {
    this.memory = memory;
    this.size = size;
    this.descriptors = at;
    this.driver = align(at + 16 * size);
    this.device = align(this.driver + 6 + 2 * size);
    this.#eventIndex = eventIndex;
    this.#free = Array.from({ length: size }, (_, index) => index);
  }

  /** How many descriptors no buffer has. */
  get freeDescriptors(): number {
    return this.#free.length;
  }

  /** Writes a descriptor as it is told to, right or wrong. */
  describe(table: number, index: number, piece: Piece, flags: number, next: number): void {
    const at = table + 16 * index;
    this.memory.writeU32(at, piece.address % 2 ** 32);
    this.memory.writeU32(at + 4, Math.floor(piece.address / 2 ** 32));
    this.memory.writeU32(at + 8, piece.length);
    this.memory.writeU16(at + 12, flags);
    this.memory.writeU16(at + 14, next);
  }

  /** Describes a buffer and enters it into the ring; the device sees it after `publish`. Gives its head. */
  add(pieces: readonly Piece[]): number {
    const used = this.#free.splice(0, pieces.length);
    if (used.length < pieces.length) throw new Error("the test's driver has no descriptors left");
    this.#chain(this.descriptors, used, pieces);
    return this.enter(used[0] ?? 0, used);
  }

  /** The same by an indirect table at `table`, 16 bytes a piece. */
  addIndirect(pieces: readonly Piece[], table: number): number {
    const indexes = pieces.map((_, index) => index);
    this.#chain(table, indexes, pieces);
    const used = this.#free.splice(0, 1);
    const [head] = used;
    if (head === undefined) throw new Error("the test's driver has no descriptors left");
    this.describe(this.descriptors, head, { address: table, length: 16 * pieces.length }, 4, 0);
    return this.enter(head, used);
  }

  /** Enters a head into the ring, whatever it is. */
  enter(head: number, used: readonly number[] = []): number {
    this.memory.writeU16(this.driver + 4 + 2 * (this.#available % this.size), head);
    this.#available = (this.#available + 1) % 65536;
    this.#chains.set(head, used);
    return head;
  }

  /** Makes what was added available; whether the device wants to be notified of it. */
  publish(): boolean {
    const [old, now] = [this.#published, this.#available];
    this.#published = now;
    this.memory.storeU16(this.driver + 2, now);
    if (!this.#eventIndex) return (this.memory.loadU16(this.device) & 1) === 0;
    const event = this.memory.loadU16(this.device + 4 + 8 * this.size);
    return (now - event - 1 + 65536) % 65536 < (now - old + 65536) % 65536;
  }

  /** What came back since the last call. */
  collect(): Used[] {
    const found: Used[] = [];
    const end = this.memory.loadU16(this.device + 2);
    while (this.#seen !== end) {
      const at = this.device + 4 + 8 * (this.#seen % this.size);
      const head = this.memory.readU32(at);
      this.#free.push(...(this.#chains.get(head) ?? []));
      this.#chains.delete(head);
      found.push({ head, written: this.memory.readU32(at + 4) });
      this.#seen = (this.#seen + 1) % 65536;
    }
    return found;
  }

  /** Asks for an interrupt at the next buffer but `after`, or for none. */
  wantInterrupts(on: boolean, after = 0): void {
    if (this.#eventIndex)
      this.memory.storeU16(this.driver + 4 + 2 * this.size, (this.#seen + after + (on ? 0 : 32768)) % 65536);
    else this.memory.storeU16(this.driver, on ? 0 : 1);
  }

  /** Writes the index of the available ring, whatever it is. */
  jump(to: number): void {
    this.memory.storeU16(this.driver + 2, to);
  }

  #chain(table: number, indexes: readonly number[], pieces: readonly Piece[]): void {
    for (const [at, piece] of pieces.entries()) {
      const next = indexes[at + 1];
      const flags = (piece.write === true ? 2 : 0) | (next === undefined ? 0 : 1);
      this.describe(table, indexes[at] ?? 0, piece, flags, next ?? 0);
    }
  }
}
