import { parseCpuList } from "../../../core/cgroup/cpu-list.js";
import { sandboxLimits } from "../../../core/cgroup/sandbox-limits.js";
import { widerLimits } from "../../../core/cgroup/wider-limits.js";
import type { Hypervisor } from "../../../core/contracts/hypervisor.js";
import type { OciLinuxResources } from "../../../core/oci/spec.js";
import type { SandboxEnvironment } from "../../../core/plugin/context.js";
import type { LimitsChange, LimitsFollower, SandboxLimits } from "../../../core/sandbox/container-limits.js";
import type { Sys } from "../../../core/sys/sys.js";
import { handlerErrors } from "./errors.js";
import type { SandboxCgroup } from "./sandbox-cgroup.js";
import { VcpuPinning } from "./vcpu-pinning.js";

const MiB = 1024 * 1024;

/** What the limits of a sandbox on the host depend on. */
export interface HostLimitsParts {
  readonly env: SandboxEnvironment;
  readonly sys: Pick<Sys, "processes">;
  readonly hypervisor: Hypervisor;
  readonly cgroup: SandboxCgroup;
  /** Whether the container that has the sandbox's id only stands for the pod. */
  readonly isPod: boolean;
  /** MiB of memory that the machine has now. */
  readonly memoryMiB: () => number;
}

/** Keeps the sandbox's cgroup, and the pinning of its vCPUs, as the limits of its containers have it. */
export class HostLimits implements LimitsFollower {
  readonly name = "the cgroup of the host";
  readonly #parts: HostLimitsParts;
  readonly #pinning: VcpuPinning | undefined;

  /** `KATA_VCPU_PINNING_UNSUPPORTED` when it is configured, and the hypervisor does not tell its threads. */
  constructor(parts: HostLimitsParts) {
    this.#parts = parts;
    const { config } = parts.env;
    if (!config.runtime.enable_vcpus_pinning) return;
    const threads = parts.hypervisor.capability("vcpu-threads");
    const hypervisor = parts.hypervisor.name;
    if (threads === undefined) throw handlerErrors.KATA_VCPU_PINNING_UNSUPPORTED({ hypervisor });
    this.#pinning = new VcpuPinning(parts.sys, threads);
  }

  async grow({ before, after }: LimitsChange): Promise<void> {
    const limits = this.#limitsOf(after);
    // Before the guest is told of what would not hold.
    this.#parts.cgroup.assertKept(limits);
    await this.#pinning?.remember();
    await this.#parts.cgroup.limit(widerLimits(this.#limitsOf(before), limits));
  }

  shrink({ after }: LimitsChange): Promise<void> {
    return this.restore(after);
  }

  /** Has the limits of these containers hold, whatever held before. */
  async restore(all: SandboxLimits): Promise<void> {
    const limits = this.#limitsOf(all);
    await this.#pinning?.remember();
    await this.#parts.cgroup.limit(limits);
    await this.#pinning?.pin(parseCpuList(limits.cpu?.cpus ?? "", "linux.resources.cpu.cpus"));
  }

  #limitsOf(all: SandboxLimits): OciLinuxResources {
    const { env, hypervisor, isPod, memoryMiB } = this.#parts;
    const { default_vcpus, default_memory } = env.config.hypervisor;
    const ids = new Set([...all.keys()].filter((id) => !isPod || id !== env.info.id));
    return sandboxLimits(all, ids, {
      vcpus: default_vcpus,
      memory: default_memory * MiB,
      machine: memoryMiB() * MiB,
      emulated: hypervisor.slowdown > 1,
    });
  }
}
