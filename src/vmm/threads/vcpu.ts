import { Worker } from "node:worker_threads";
import { kvmRunOffsets } from "../../core/kvm/abi.js";
import type { Mapping } from "../../core/sys/devices.js";
import type { Sys } from "../../core/sys/sys.js";
import { vmmErrors } from "../errors.js";
import { threadProgram } from "./thread-program.js";
import { kickSignal, VcpuControl, vcpuControlBytes, type VcpuState, vcpuStates } from "./vcpu-control.js";
import type { VcpuEnd } from "./vcpu-loop.js";
import type { VcpuThreadData } from "./vcpu-thread.js";

/** Milliseconds in which a vCPU comes out of the guest. */
const kickMs = 5000;

/** How often a vCPU is kicked until it has seen it: one that is about to enter the guest may miss the first. */
const kickPauseMs = 5;

/** Sizes in MiB of a vCPU's thread: it has almost nothing on its heap. A stack of one MiB is too small for a huge page, too. */
const sizes = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 } as const;

/** What a vCPU is made with. */
export interface VcpuRequest {
  readonly sys: Pick<Sys, "devices" | "descriptors" | "threads">;
  readonly id: number;
  /** Taken. */
  readonly fd: number;
  readonly stateSize: number;
  readonly wake: number;
  readonly interrupts: SharedArrayBuffer;
  /** Memory for its accesses to devices, `busCallBytes`. */
  readonly call: SharedArrayBuffer;
}

/** A vCPU, run by a thread of its own, which may end and begin again. */
export class Vcpu {
  readonly id: number;
  /** Settles when the vCPU runs no more. */
  readonly ended: Promise<VcpuEnd>;
  readonly #request: VcpuRequest;
  readonly #state: Mapping;
  readonly #control = new VcpuControl(new SharedArrayBuffer(vcpuControlBytes));
  #settle: (end: VcpuEnd) => void = () => undefined;
  #worker: Worker | undefined;
  #end: VcpuEnd | undefined;
  /** Told when the thread has left the guest to end, and the vCPU has not. */
  #parked: (() => void) | undefined;

  constructor(request: VcpuRequest) {
    this.id = request.id;
    this.#request = request;
    this.#state = request.sys.devices.map({ fd: request.fd, length: request.stateSize, write: true });
    this.ended = new Promise((resolve) => (this.#settle = resolve));
  }

  /** Kernel id of its thread; 0 until it has begun. */
  get thread(): number {
    return this.#control.thread;
  }

  /** Its descriptor; undefined once it runs no more. */
  get fd(): number | undefined {
    return this.#end === undefined ? this.#request.fd : undefined;
  }

  /** Whether it is out of the guest until `resume`. */
  get isPaused(): boolean {
    return this.isRunning && this.#control.isPaused;
  }

  /** Whether it has a thread. */
  get isRunning(): boolean {
    return this.#worker !== undefined && this.#end === undefined;
  }

  /** Lets it run, for the first time or after `park`; `held`, it stays out of the guest until `resume`. */
  start({ held = false }: { readonly held?: boolean } = {}): void {
    const { id, fd, stateSize, wake, interrupts, call } = this.#request;
    this.#control.begin(0);
    this.#want(held ? vcpuStates.pause : vcpuStates.run);
    const workerData: VcpuThreadData = {
      id,
      fd,
      stateSize,
      call,
      wake,
      interrupts,
      control: this.#control.shared,
    };
    const options = { workerData, name: `kata-vcpu${id}`, resourceLimits: sizes, trackUnmanagedFds: false };
    const worker = new Worker(threadProgram("vcpu-thread"), options);
    this.#worker = worker;
    worker.once("message", (end: VcpuEnd) => {
      if (this.#parked === undefined || end.kind !== "stopped") return this.#finish(end);
      // Now: Node may tell of the thread's end right behind its last word.
      this.#worker = undefined;
      this.#parked();
    });
    const lost = (why: string): void => {
      if (this.#worker === worker) this.#finish({ kind: "failed", why });
    };
    worker.once("error", (error) => lost(error.message));
    worker.once("exit", () => lost("its thread has ended"));
  }

  /**
   * Ends its thread, and keeps what it is to the guest: a processor that does nothing until `start`. It may have ended for
   * another reason by then. `KATA_VMM_VCPU_STUCK`.
   */
  async park(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    const left = new Promise<void>((resolve) => (this.#parked = resolve));
    let isOut = false;
    void left.then(() => (isOut = true));
    try {
      await this.#leave(left, () => isOut);
    } finally {
      this.#parked = undefined;
    }
    if (this.#end === undefined) await worker.terminate();
  }

  /** Keeps it out of the guest until `resume`; `KATA_VMM_VCPU_STUCK` when it does not come out. */
  async pause(): Promise<void> {
    this.#want(vcpuStates.pause);
    const deadline = performance.now() + kickMs;
    while (this.#end === undefined) {
      this.#kick();
      if (await this.#control.paused(kickPauseMs)) return;
      if (performance.now() > deadline) throw vmmErrors.KATA_VMM_VCPU_STUCK({ id: this.id, ms: kickMs });
    }
  }

  resume(): void {
    this.#want(vcpuStates.run);
  }

  /** Ends it, and its thread. Idempotent. */
  async stop(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) {
      this.#finish({ kind: "stopped" });
      return;
    }
    await this.#leave(this.ended, () => false);
    await worker.terminate();
  }

  /**
   * Ends it without waiting for its thread's last word, for a process that exits: Node waits for threads then, and one that is
   * in the guest would never end. Blocks, for `kickMs` at most.
   */
  quit(): void {
    if (!this.isRunning || this.thread === 0) return;
    this.#want(vcpuStates.stop);
    const deadline = performance.now() + kickMs;
    do this.#kick();
    while (!this.#control.endedWithin(kickPauseMs) && performance.now() < deadline);
  }

  /** Kicks it until it has ended, or is out of the guest. */
  async #leave(left: Promise<unknown>, isOut: () => boolean): Promise<void> {
    this.#want(vcpuStates.stop);
    const deadline = performance.now() + kickMs;
    while (this.#end === undefined && !isOut()) {
      this.#kick();
      await Promise.race([left, this.ended, new Promise((resolve) => setTimeout(resolve, kickPauseMs))]);
      if (performance.now() > deadline) throw vmmErrors.KATA_VMM_VCPU_STUCK({ id: this.id, ms: kickMs });
    }
  }

  #want(state: VcpuState): void {
    this.#control.want(state);
  }

  /** Has it leave the guest: at once when it is in it, before it enters otherwise. */
  #kick(): void {
    const { thread } = this.#control;
    if (thread === 0) return;
    this.#state.bytes[kvmRunOffsets.immediateExit] = 1;
    this.#request.sys.threads.signal(thread, kickSignal);
  }

  #finish(end: VcpuEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#state.unmap();
    this.#request.sys.descriptors.close(this.#request.fd);
    this.#settle(end);
  }
}
