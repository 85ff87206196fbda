import type { HypervisorCapabilities } from "../../../core/contracts/hypervisor.js";
import { errnoNameOf } from "../../../core/sys/sys-error.js";
import type { Sys } from "../../../core/sys/sys.js";
import { handlerErrors } from "./errors.js";

/** `enable_vcpus_pinning`: which CPUs of the host the threads run on that run the guest. */
export class VcpuPinning {
  readonly #sys: Pick<Sys, "processes">;
  readonly #threads: HypervisorCapabilities["vcpu-threads"];
  /** CPUs they had before they were pinned the first time. */
  #before: readonly number[] | undefined;
  #pinned = false;

  constructor(sys: Pick<Sys, "processes">, threads: HypervisorCapabilities["vcpu-threads"]) {
    this.#sys = sys;
    this.#threads = threads;
  }

  /** Sees where they run before anything confines them: a cpuset that shrinks takes CPUs from a thread for good. */
  async remember(): Promise<void> {
    if (this.#before !== undefined) return;
    const [first] = await this.#threads.threads();
    if (first !== undefined) this.#before = this.#sys.processes.affinity(first);
  }

  /**
   * The first vCPU runs on the first of `cpus` alone, and so on, when there are as many of both; else each runs on all of
   * them. Without any it is as it was before. `KATA_VCPU_PINNING` when the host has no such CPU.
   */
  async pin(cpus: readonly number[]): Promise<void> {
    if (cpus.length === 0 && !this.#pinned) return;
    const tids = await this.#threads.threads();
    const all = cpus.length === 0 ? (this.#before ?? []) : cpus;
    this.#pinned = cpus.length > 0;
    for (const [index, tid] of tids.entries()) {
      const own = cpus[index];
      this.#set(tid, own !== undefined && cpus.length === tids.length ? [own] : all);
    }
  }

  #set(tid: number, cpus: readonly number[]): void {
    try {
      this.#sys.processes.setAffinity(tid, cpus);
    } catch (cause) {
      if (errnoNameOf(cause) === "ESRCH") return;
      throw handlerErrors.KATA_VCPU_PINNING({ tid, cpus }, { cause });
    }
  }
}
