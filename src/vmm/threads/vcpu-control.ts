/** What the threads of a machine want of a vCPU, by memory that they share with it. */
const word = { wanted: 0, actual: 1, thread: 2 } as const;

/** Bytes of that memory. */
export const vcpuControlBytes = 3 * Int32Array.BYTES_PER_ELEMENT;

/** What a vCPU may be told to do, and what it does. */
export const vcpuStates = { run: 0, pause: 1, stop: 2 } as const;
export type VcpuState = (typeof vcpuStates)[keyof typeof vcpuStates];

/** Signal that brings a vCPU out of the guest. It is held back from the thread, so that it does nothing else. */
export const kickSignal = 40;

/** Both sides of it. */
export class VcpuControl {
  readonly #words: Int32Array;

  constructor(readonly shared: SharedArrayBuffer) {
    this.#words = new Int32Array(shared);
  }

  get wanted(): VcpuState {
    return Atomics.load(this.#words, word.wanted) as VcpuState;
  }

  /** Kernel id of the vCPU's thread; 0 until it has begun. */
  get thread(): number {
    return Atomics.load(this.#words, word.thread);
  }

  /** Of the one who wants something; a vCPU that waits sees it at once, one in the guest must be kicked. */
  want(state: VcpuState): void {
    Atomics.store(this.#words, word.wanted, state);
    Atomics.notify(this.#words, word.wanted);
  }

  /** Of the vCPU: it has begun on this thread. */
  begin(thread: number): void {
    Atomics.store(this.#words, word.actual, vcpuStates.run);
    Atomics.store(this.#words, word.thread, thread);
    Atomics.notify(this.#words, word.thread);
  }

  /** Of the vCPU: waits while it is to pause. */
  pause(): void {
    this.#tell(vcpuStates.pause);
    while (this.wanted === vcpuStates.pause) Atomics.wait(this.#words, word.wanted, vcpuStates.pause);
    this.#tell(vcpuStates.run);
  }

  /** Of the vCPU: it runs no more, and is not in the kernel. */
  end(): void {
    this.#tell(vcpuStates.stop);
  }

  /** Whether the vCPU has ended within that time, in milliseconds. Blocks the thread. */
  endedWithin(ms: number): boolean {
    const actual = Atomics.load(this.#words, word.actual);
    if (actual !== vcpuStates.stop) Atomics.wait(this.#words, word.actual, actual, ms);
    return Atomics.load(this.#words, word.actual) === vcpuStates.stop;
  }

  /** Whether the vCPU has paused, and is to stay so. */
  get isPaused(): boolean {
    return this.wanted === vcpuStates.pause && Atomics.load(this.#words, word.actual) === vcpuStates.pause;
  }

  /** Whether the vCPU has paused within that time, in milliseconds. */
  async paused(ms: number): Promise<boolean> {
    const { actual } = word;
    const wait = Atomics.waitAsync(this.#words, actual, vcpuStates.run, ms);
    await wait.value;
    return Atomics.load(this.#words, actual) === vcpuStates.pause;
  }

  #tell(state: VcpuState): void {
    Atomics.store(this.#words, word.actual, state);
    Atomics.notify(this.#words, word.actual);
  }
}
