import { Worker } from "node:worker_threads";
import { kvmRunOffsets } from "../../core/kvm/abi.js";
import type { Mapping } from "../../core/sys/devices.js";
import type { Sys } from "../../core/sys/sys.js";
import { vmmErrors } from "../errors.js";
import { busCallBytes } from "./bus-call.js";
import { threadProgram } from "./thread-program.js";
import { kickSignal, VcpuControl, vcpuControlBytes, type VcpuState, vcpuStates } from "./vcpu-control.js";
import type { VcpuEnd } from "./vcpu-loop.js";
import type { VcpuThreadData } from "./vcpu-thread.js";

/** Milliseconds in which a vCPU comes out of the guest. */
const kickMs = 5000;

/** How often a vCPU is kicked until it has seen it: one that is about to enter the guest may miss the first. */
const kickPauseMs = 5;

/** Sizes of the heap of a vCPU's thread, in MiB: it has almost nothing on it. */
const heap = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 } as const;

/** What a vCPU is made with. */
export interface VcpuRequest {
  readonly sys: Pick<Sys, "devices" | "descriptors" | "threads">;
  readonly id: number;
  /** Taken. */
  readonly fd: number;
  readonly stateSize: number;
  readonly wake: number;
  readonly interrupts: SharedArrayBuffer;
}

/** A vCPU, run by a thread of its own. */
export class Vcpu {
  readonly id: number;
  /** Settles when the vCPU runs no more. */
  readonly ended: Promise<VcpuEnd>;
  /** Memory for its accesses to devices. */
  readonly call = new SharedArrayBuffer(busCallBytes);
  readonly #request: VcpuRequest;
  readonly #state: Mapping;
  readonly #control = new VcpuControl(new SharedArrayBuffer(vcpuControlBytes));
  #settle: (end: VcpuEnd) => void = () => undefined;
  #worker: Worker | undefined;
  #end: VcpuEnd | undefined;

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
    return this.#end === undefined && this.#control.isPaused;
  }

  /** Lets it run. */
  start(): void {
    const { id, fd, stateSize, wake, interrupts } = this.#request;
    const workerData: VcpuThreadData = {
      id,
      fd,
      stateSize,
      call: this.call,
      wake,
      interrupts,
      control: this.#control.shared,
    };
    const options = { workerData, name: `kata-vcpu${id}`, resourceLimits: heap, trackUnmanagedFds: false };
    const worker = new Worker(threadProgram("vcpu-thread"), options);
    this.#worker = worker;
    worker.once("message", (end: VcpuEnd) => this.#finish(end));
    worker.once("error", (error) => this.#finish({ kind: "failed", why: error.message }));
    worker.once("exit", () => this.#finish({ kind: "failed", why: "its thread has ended" }));
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
    this.#want(vcpuStates.stop);
    const worker = this.#worker;
    if (worker === undefined) {
      this.#finish({ kind: "stopped" });
      return;
    }
    const deadline = performance.now() + kickMs;
    while (this.#end === undefined) {
      this.#kick();
      await Promise.race([this.ended, new Promise((resolve) => setTimeout(resolve, kickPauseMs))]);
      if (performance.now() > deadline) throw vmmErrors.KATA_VMM_VCPU_STUCK({ id: this.id, ms: kickMs });
    }
    await worker.terminate();
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
