import type { Bus } from "../bus/bus.js";

/**
 * An access of a vCPU to a device that another thread serves, by memory that both have. The vCPU writes it, wakes the other
 * thread, and waits for the answer, as a processor waits for its bus.
 */
const word = { state: 0, kind: 1, low: 2, high: 3, length: 4, abandoned: 5 } as const;
const dataAt = 32;
const dataBytes = 8;

/** Bytes of the shared memory of one vCPU. */
export const busCallBytes = dataAt + dataBytes;

const state = { idle: 0, asked: 1, taken: 2, answered: 3 } as const;
const kind = { portRead: 0, portWrite: 1, memoryRead: 2, memoryWrite: 3 } as const;

/** What is accessed, and how. */
export interface Access {
  readonly space: "port" | "memory";
  readonly isWrite: boolean;
  readonly address: number;
}

/** The vCPU's side. */
export class BusCaller {
  readonly #words: Int32Array;
  readonly #data: Uint8Array;
  readonly #wake: () => void;

  constructor(shared: SharedArrayBuffer, wake: () => void) {
    this.#words = new Int32Array(shared, 0, dataAt / 4);
    this.#data = new Uint8Array(shared, dataAt, dataBytes);
    this.#wake = wake;
  }

  /** Makes the access; `bytes` are written, or filled. Blocks until it is done. Abandoned, it finds nobody there. */
  call({ space, isWrite, address }: Access, bytes: Uint8Array): void {
    const words = this.#words;
    // None is made after one that was abandoned: what a guest has written to its console has an end, and no gaps.
    if (Atomics.load(words, word.abandoned) === 1) {
      if (!isWrite) bytes.fill(0xff);
      return;
    }
    words[word.kind] = (space === "port" ? 0 : 2) + (isWrite ? 1 : 0);
    words[word.low] = address | 0;
    words[word.high] = Math.floor(address / 2 ** 32);
    words[word.length] = bytes.length;
    if (isWrite) this.#data.set(bytes);
    Atomics.store(words, word.state, state.asked);
    this.#wake();
    for (let now = state.asked as number; now !== state.answered; now = Atomics.load(words, word.state)) {
      // Looked at after the access is there to be seen, so that whoever abandons it sees one of the two.
      if (Atomics.load(words, word.abandoned) === 1) {
        if (!isWrite) bytes.fill(0xff);
        return;
      }
      Atomics.wait(words, word.state, now);
    }
    Atomics.store(words, word.state, state.idle);
    if (!isWrite) bytes.set(this.#data.subarray(0, bytes.length));
  }
}

/** Has a vCPU wait for no device any more, now and later: whoever serves them has gone, or is about to. */
export function abandonCalls(shared: SharedArrayBuffer): void {
  const words = new Int32Array(shared, 0, dataAt / 4);
  Atomics.store(words, word.abandoned, 1);
  for (const waiting of [state.asked, state.taken]) {
    Atomics.compareExchange(words, word.state, waiting, state.answered);
  }
  Atomics.notify(words, word.state);
}

/** The buses of a machine. */
export interface Buses {
  readonly ports: Bus;
  readonly memory: Bus;
}

/** The other side. */
export class BusServer {
  readonly #calls: readonly { readonly words: Int32Array; readonly data: Uint8Array }[];
  readonly #buses: Buses;
  readonly #failed: (error: unknown) => void;

  /** `failed` hears of what a device throws, which it must not; its processor goes on. */
  constructor(calls: readonly SharedArrayBuffer[], buses: Buses, failed: (error: unknown) => void) {
    this.#calls = calls.map((shared) => ({
      words: new Int32Array(shared, 0, dataAt / 4),
      data: new Uint8Array(shared, dataAt, dataBytes),
    }));
    this.#buses = buses;
    this.#failed = failed;
  }

  /** Answers every access that waits. */
  serve(): void {
    for (const { words, data } of this.#calls) {
      if (Atomics.compareExchange(words, word.state, state.asked, state.taken) === state.asked) {
        this.#answer(words, data.subarray(0, words[word.length]));
      }
    }
  }

  #answer(words: Int32Array, data: Uint8Array): void {
    const done = (): void => {
      Atomics.store(words, word.state, state.answered);
      Atomics.notify(words, word.state);
    };
    const isRead = words[word.kind] === kind.portRead || words[word.kind] === kind.memoryRead;
    // What a device that fails has not said is what nobody says.
    if (isRead) data.fill(0xff);
    try {
      const pending = this.#access(words, data);
      if (pending === undefined) done();
      else void pending.catch(this.#failed).finally(done);
    } catch (error) {
      this.#failed(error);
      done();
    }
  }

  #access(words: Int32Array, data: Uint8Array): void | Promise<void> {
    const address = (words[word.high] ?? 0) * 2 ** 32 + ((words[word.low] ?? 0) >>> 0);
    const { ports, memory } = this.#buses;
    switch (words[word.kind]) {
      case kind.portRead:
        return ports.read(address, data);
      case kind.portWrite:
        return ports.write(address, data);
      case kind.memoryRead:
        return memory.read(address, data);
      case kind.memoryWrite:
        return memory.write(address, data);
    }
  }
}
