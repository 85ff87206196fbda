import type { Agent } from "../contracts/agent.js";
import type { Hypervisor } from "../contracts/hypervisor.js";
import { describeError } from "../errors/error.js";
import type { Logger } from "../log.js";
import type { LimitsChange, LimitsFollower } from "../sandbox/container-limits.js";
import { sizingErrors } from "./errors.js";
import { type Demand, demandOf } from "./limits.js";
import { atMost, type MachineSize, sumOf } from "./machine-size.js";

/** What a machine's size is changed with. */
export interface MachineSizingParts {
  readonly hypervisor: Pick<Hypervisor, "name" | "capability">;
  readonly agent: Pick<Agent, "name" | "capability">;
  /** The size for containers with these limits. */
  readonly sizeFor: (demands: readonly Demand[]) => MachineSize;
  /** Where that is configured, for what is logged. */
  readonly bounds: Readonly<Record<string, unknown>>;
  /** What it has been started with. */
  readonly size: MachineSize;
  readonly log: Logger;
}

/**
 * Has a running machine be as large as the limits of its containers ask for: larger before one that needs it is created or
 * updated, smaller after. One that cannot be resized stays as it is. What it cannot get for want of room is logged, and the
 * container has to do with less, as in Kata; what the hypervisor or the guest refuses is an error. What either does not
 * give back is logged: the machine is larger than it need be.
 */
export class MachineSizing implements LimitsFollower {
  readonly name = "the size of the virtual machine";
  readonly #parts: MachineSizingParts;
  #vcpus: number;
  #memoryMiB: number;
  /** For what its size could not be made, so that it is said once. */
  #said = "";

  constructor(parts: MachineSizingParts) {
    this.#parts = parts;
    this.#vcpus = parts.size.vcpus;
    this.#memoryMiB = parts.size.memoryMiB;
  }

  /** What the machine has, as far as it is known. */
  get size(): MachineSize {
    return { vcpus: this.#vcpus, memoryMiB: this.#memoryMiB };
  }

  async grow({ containerId, after }: LimitsChange): Promise<void> {
    const { hypervisor, sizeFor, log } = this.#parts;
    const demands = [...after.values()].map(demandOf);
    const resize = hypervisor.capability("resize");
    if (resize !== undefined) {
      const wanted = atMost(sizeFor(demands), resize.most);
      const before = this.size;
      // After an error it may have any size up to the wanted one: enough to know when it is to be made smaller again.
      if (wanted.vcpus > before.vcpus) {
        this.#vcpus = wanted.vcpus;
        this.#vcpus = await resize.vcpus(wanted.vcpus);
      }
      if (wanted.memoryMiB > before.memoryMiB) {
        this.#memoryMiB = wanted.memoryMiB;
        this.#memoryMiB = await resize.memoryMiB(wanted.memoryMiB);
      }
      await this.#takeIntoUse(before);
      if (this.#vcpus !== before.vcpus || this.#memoryMiB !== before.memoryMiB)
        log.info("the machine is larger", { container: containerId, ...this.size });
    }
    this.#sayWhatLacks(containerId, sumOf(demands));
  }

  async shrink({ containerId, after }: LimitsChange): Promise<void> {
    const { hypervisor, sizeFor, log } = this.#parts;
    const resize = hypervisor.capability("resize");
    if (resize === undefined) return;
    const wanted = atMost(sizeFor([...after.values()].map(demandOf)), resize.most);
    const before = this.size;
    const give = async (what: string, act: () => Promise<void>) => {
      await act().catch((error: unknown) => {
        log.warn("the machine stays larger than it need be", { what, wanted, error: describeError(error) });
      });
    };
    if (wanted.vcpus < before.vcpus)
      await give("vCPUs", async () => void (this.#vcpus = await resize.vcpus(wanted.vcpus)));
    if (wanted.memoryMiB < before.memoryMiB)
      await give("memory", async () => void (this.#memoryMiB = await resize.memoryMiB(wanted.memoryMiB)));
    if (this.#vcpus !== before.vcpus || this.#memoryMiB !== before.memoryMiB)
      log.info("the machine is smaller", { container: containerId, ...this.size });
  }

  /** Plugged in is not yet used: some guests have to be told. */
  async #takeIntoUse(before: MachineSize): Promise<void> {
    const moreMemory = this.#memoryMiB > before.memoryMiB;
    if (this.#vcpus <= before.vcpus && !moreMemory) return;
    const { agent } = this.#parts;
    const online = agent.capability("online-cpu-mem");
    if (online === undefined) throw sizingErrors.KATA_SIZE_ONLINE({ agent: agent.name, ...this.size });
    await online.online({ wait: true, cpus: this.#vcpus, cpuOnly: !moreMemory });
  }

  #sayWhatLacks(container: string, limits: MachineSize): void {
    const { log, bounds } = this.#parts;
    const lacks = limits.vcpus > this.#vcpus || limits.memoryMiB > this.#memoryMiB;
    const said = lacks ? `${limits.vcpus} ${limits.memoryMiB}` : "";
    if (lacks && said !== this.#said) {
      const has = this.size;
      log.warn("the machine has less than the limits of its containers come to", { container, limits, has, ...bounds });
    }
    this.#said = said;
  }
}
