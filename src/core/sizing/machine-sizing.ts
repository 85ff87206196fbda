import type { Agent } from "../contracts/agent.js";
import type { Hypervisor, HypervisorCapabilities } from "../contracts/hypervisor.js";
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
  /** What was last answered, and what was last asked for: a guest may give memory back long after it was asked to. */
  #has: MachineSize;
  #asked: MachineSize;
  /** For what its size could not be made, so that it is said once. */
  #said = "";

  constructor(parts: MachineSizingParts) {
    this.#parts = parts;
    const { vcpus, memoryMiB } = parts.size;
    this.#has = this.#asked = { vcpus, memoryMiB };
  }

  /** What the machine has, as far as it is known. */
  get size(): MachineSize {
    return this.#has;
  }

  async grow({ containerId, after }: LimitsChange): Promise<void> {
    const { hypervisor, sizeFor } = this.#parts;
    const demands = [...after.values()].map(demandOf);
    const resize = hypervisor.capability("resize");
    if (resize !== undefined) {
      const wanted = atMost(sizeFor(demands), resize.most);
      const [before, had] = [atMost(this.#asked, this.#has), this.#has];
      for (const what of ["vcpus", "memoryMiB"] as const)
        if (wanted[what] > before[what]) await this.#ask(resize, what, wanted[what]);
      await this.#takeIntoUse(before);
      this.#sayChange("the machine is larger", containerId, had);
    }
    this.#sayWhatLacks(containerId, sumOf(demands));
  }

  async shrink({ containerId, after }: LimitsChange): Promise<void> {
    const { hypervisor, sizeFor, log } = this.#parts;
    const resize = hypervisor.capability("resize");
    if (resize === undefined) return;
    const wanted = atMost(sizeFor([...after.values()].map(demandOf)), resize.most);
    const had = this.#has;
    for (const what of ["vcpus", "memoryMiB"] as const) {
      if (wanted[what] >= Math.max(this.#asked[what], had[what])) continue;
      await this.#ask(resize, what, wanted[what]).catch((error: unknown) => {
        log.warn("the machine stays larger than it need be", { what, wanted, error: describeError(error) });
      });
    }
    this.#sayChange("the machine is smaller", containerId, had);
  }

  async #ask(resize: HypervisorCapabilities["resize"], what: "vcpus" | "memoryMiB", size: number): Promise<void> {
    // Also when it is refused: some of it may have come, which is to be given back.
    this.#asked = { ...this.#asked, [what]: size };
    const has = await resize[what](size);
    this.#has = { ...this.#has, [what]: has };
  }

  /** Plugged in is not yet used: some guests have to be told. */
  async #takeIntoUse(before: MachineSize): Promise<void> {
    const { vcpus, memoryMiB } = this.#has;
    const moreMemory = memoryMiB > before.memoryMiB;
    if (vcpus <= before.vcpus && !moreMemory) return;
    const { agent } = this.#parts;
    const online = agent.capability("online-cpu-mem");
    if (online === undefined) throw sizingErrors.KATA_SIZE_ONLINE({ agent: agent.name, vcpus, memoryMiB });
    await online.online({ wait: true, cpus: vcpus, cpuOnly: !moreMemory });
  }

  #sayChange(message: string, container: string, { vcpus, memoryMiB }: MachineSize): void {
    const has = this.#has;
    if (has.vcpus !== vcpus || has.memoryMiB !== memoryMiB) this.#parts.log.info(message, { container, ...has });
  }

  #sayWhatLacks(container: string, limits: MachineSize): void {
    const { log, bounds } = this.#parts;
    const lacks = limits.vcpus > this.#has.vcpus || limits.memoryMiB > this.#has.memoryMiB;
    const said = lacks ? `${limits.vcpus} ${limits.memoryMiB}` : "";
    if (lacks && said !== this.#said) {
      const has = this.#has;
      log.warn("the machine has less than the limits of its containers come to", { container, limits, has, ...bounds });
    }
    this.#said = said;
  }
}
