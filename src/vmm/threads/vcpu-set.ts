import { kvmRequests } from "../../core/kvm/abi.js";
import type { Sys } from "../../core/sys/sys.js";
import { vmmErrors } from "../errors.js";
import { cpuidOf, supportedCpuid } from "../kvm/cpuid.js";
import type { KvmMachine } from "../kvm/kvm-machine.js";
import { resetVcpu } from "../kvm/vcpu-state.js";
import { busCallBytes } from "./bus-call.js";
import { Vcpu } from "./vcpu.js";
import type { VcpuEnd } from "./vcpu-loop.js";

/** What vCPUs are made with. */
export interface VcpuSetParts {
  readonly sys: Pick<Sys, "devices" | "descriptors" | "threads">;
  readonly kvm: Pick<KvmMachine, "device" | "createVcpu" | "vcpuMemorySize">;
  readonly wake: number;
  readonly interrupts: SharedArrayBuffer;
  /** The most there may ever be: what the guest's tables and each processor's CPUID tell of. */
  readonly most: number;
  /** One of them runs no more. */
  readonly ended: (id: number, end: VcpuEnd) => void;
}

/** The vCPUs of a machine: those that it was started with, and those that came later. They are made when they are needed. */
export class VcpuSet {
  /** Memory for the accesses to devices of all that may ever be. */
  readonly calls: readonly SharedArrayBuffer[];
  readonly #parts: VcpuSetParts;
  readonly #vcpus = new Map<number, Vcpu>();
  #cpuid: Uint8Array | undefined;
  #isPaused = false;
  #hasEnded = false;
  #isStopped = false;

  constructor(parts: VcpuSetParts) {
    this.#parts = parts;
    this.calls = Array.from({ length: parts.most }, () => new SharedArrayBuffer(busCallBytes));
  }

  /** Kernel ids of the threads of those that run, in order. */
  get threads(): readonly number[] {
    return this.#running.map(({ thread }) => thread);
  }

  /** Descriptors of those that run, in order, while all of them are paused; undefined when one is not, or has ended. */
  get paused(): readonly number[] | undefined {
    const all = this.#running;
    const paused = all.flatMap(({ fd, isPaused }) => (fd !== undefined && isPaused ? [fd] : []));
    return all.length > 0 && !this.#hasEnded && paused.length === all.length ? paused : undefined;
  }

  /** Makes one, for somebody who gives it its state; its descriptor. */
  make(id: number): number {
    const { sys, kvm, wake, interrupts, most } = this.#parts;
    const call = this.calls[id];
    if (call === undefined) throw new RangeError(`vCPU ${id} of ${most}`);
    const fd = kvm.createVcpu(id);
    const vcpu = new Vcpu({ sys, id, fd, stateSize: kvm.vcpuMemorySize(), wake, interrupts, call });
    this.#vcpus.set(id, vcpu);
    void this.#outlive(vcpu);
    return fd;
  }

  /** Makes one as firmware leaves a processor; its descriptor. */
  makeNew(id: number): number {
    const { sys, kvm, most } = this.#parts;
    const fd = this.make(id);
    this.#cpuid ??= supportedCpuid(sys.devices, kvm.device);
    sys.devices.ioctl(fd, kvmRequests.setCpuid2, cpuidOf(this.#cpuid, id, most));
    resetVcpu(sys.devices, fd);
    return fd;
  }

  /** Starts the threads of some that were made, which run from `release` on: threads take their time to begin. */
  startHeld(ids: readonly number[]): void {
    for (const id of ids) this.#vcpus.get(id)?.start({ held: true });
  }

  /** Lets those run that were started to be held, unless all are paused. */
  release(): void {
    if (!this.#isPaused) this.resume();
  }

  /** Lets one run; `KATA_VMM_NOT_RUNNING` after `stop`. */
  async start(id: number): Promise<void> {
    if (this.#isStopped) throw vmmErrors.KATA_VMM_NOT_RUNNING({ what: `run vCPU ${id}` });
    if (!this.#vcpus.has(id)) this.makeNew(id);
    const vcpu = this.#vcpus.get(id);
    if (vcpu === undefined || vcpu.isRunning) return;
    vcpu.start();
    if (this.#isPaused) await vcpu.pause();
  }

  /** Has one run no more until it is started again. */
  async park(id: number): Promise<void> {
    await this.#vcpus.get(id)?.park();
  }

  /** Keeps all out of the guest. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    await Promise.all(this.#running.map((vcpu) => vcpu.pause()));
  }

  resume(): void {
    this.#isPaused = false;
    for (const vcpu of this.#running) vcpu.resume();
  }

  /** Ends all; the errors of those that do not. */
  async stop(): Promise<readonly unknown[]> {
    this.#isStopped = true;
    const ends = await Promise.allSettled([...this.#vcpus.values()].map((vcpu) => vcpu.stop()));
    return ends.flatMap((end) => (end.status === "rejected" ? [end.reason as unknown] : []));
  }

  /** As `Vcpu.quit`, all of them. */
  quit(): void {
    this.#isStopped = true;
    for (const vcpu of this.#running) vcpu.quit();
  }

  async #outlive(vcpu: Vcpu): Promise<void> {
    const end = await vcpu.ended;
    this.#hasEnded = true;
    this.#parts.ended(vcpu.id, end);
  }

  get #running(): readonly Vcpu[] {
    return [...this.#vcpus.values()].filter(({ isRunning }) => isRunning);
  }
}
