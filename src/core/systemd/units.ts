import { setTimeout as sleep } from "node:timers/promises";
import { deadlineErrors } from "../deadline.js";
import type { BusClient } from "./bus-client.js";
import { systemdErrors } from "./errors.js";

/** A property of a unit: its name, and then its type and its value as busctl(1) writes them. */
export type UnitProperty = readonly [name: string, ...written: readonly string[]];

/** What systemd says of a unit. */
export interface UnitState {
  /** `loaded`, `not-found`, … */
  readonly load: string;
  /** `active`, `inactive`, `failed`, `activating`, … */
  readonly active: string;
  /** Whether there is a job to start or stop it. */
  readonly busy: boolean;
  /** Where it is written; empty for a slice that nobody has written, and for what is not there. */
  readonly file: string;
  readonly description: string;
}

/** A transient scope that is wanted. */
export interface ScopeRequest {
  readonly unit: string;
  /** The slice that it is in. */
  readonly slice: string;
  /** Slices that are not there yet: they are made, and are gone again with the last unit in them. */
  readonly newSlices: readonly string[];
  readonly description: string;
  /** The first process in it; without one a scope is refused. */
  readonly pid: number;
  readonly properties: readonly UnitProperty[];
}

/** Milliseconds a job may take. To end a scope systemd first asks its processes to end, for `stopTime`. */
const jobTime = 15_000;
/** Milliseconds that processes get which are still in a scope that is stopped, before they are killed. */
const stopTime = 3_000;

const asList = (properties: readonly UnitProperty[]): string[] => [String(properties.length), ...properties.flat()];

/** Units of the systemd that runs the host. Errors are those of `BusClient`, and those said below. */
export class Units {
  readonly #bus: BusClient;
  readonly #jobMs: number;

  constructor(bus: BusClient, jobMs: number = jobTime) {
    this.#bus = bus;
    this.#jobMs = jobMs;
  }

  /** Never fails for a unit that is not there. */
  async state(unit: string): Promise<UnitState> {
    const names = ["LoadState", "ActiveState", "Job", "FragmentPath", "Description"];
    const [load, active, job, file, description] = await this.#bus.properties(unit, "Unit", names);
    const busy = !Array.isArray(job) || job[0] !== 0;
    return { load: String(load), active: String(active), busy, file: String(file), description: String(description) };
  }

  /**
   * Starts a scope and waits until it is there. It is delegated, so that cgroups may be made in it; all is counted; nothing else
   * stops it, since who has made it does; and it is forgotten when its last process ends. `KATA_SYSTEMD_UNIT` when the job
   * fails.
   */
  async startScope({ unit, slice, newSlices, description, pid, properties }: ScopeRequest): Promise<void> {
    const all: UnitProperty[] = [
      ["Description", "s", description],
      ["Slice", "s", slice],
      ["Delegate", "b", "true"],
      ["PIDs", "au", "1", String(pid)],
      ["DefaultDependencies", "b", "false"],
      ["CollectMode", "s", "inactive-or-failed"],
      ["TimeoutStopUSec", "t", String(stopTime * 1000)],
      ["CPUAccounting", "b", "true"],
      ["MemoryAccounting", "b", "true"],
      ["TasksAccounting", "b", "true"],
      ["IOAccounting", "b", "true"],
      ...properties,
    ];
    const ofSlice = asList([
      ["StopWhenUnneeded", "b", "true"],
      ["DefaultDependencies", "b", "false"],
    ]);
    const slices = newSlices.flatMap((one) => [one, ...ofSlice]);
    const args = [unit, "fail", ...asList(all), String(newSlices.length), ...slices];
    await this.#bus.call("StartTransientUnit", "ssa(sv)a(sa(sv))", ...args);
    const { active, load } = await this.#settled(unit, "start");
    if (active === "active") return;
    const [result] = await this.#bus.properties(unit, "Scope", ["Result"]);
    throw systemdErrors.KATA_SYSTEMD_UNIT({ unit, state: `${load}, ${active}`, result: String(result) });
  }

  /** Changes properties of a unit until it ends, or the host is started anew. */
  async set(unit: string, properties: readonly UnitProperty[]): Promise<void> {
    if (properties.length === 0) return;
    await this.#bus.call("SetUnitProperties", "sba(sv)", unit, "true", ...asList(properties));
  }

  /** Ends a unit with all that is in it, and has it forgotten; idempotent. */
  async stop(unit: string): Promise<void> {
    const isGone = ({ load, active }: UnitState) => load === "not-found" || active === "inactive";
    const state = await this.state(unit);
    if (isGone(state)) return;
    if (state.active === "failed" && !state.busy) return this.forgetFailed(unit);
    try {
      await this.#bus.call("StopUnit", "ss", unit, "replace");
    } catch (error) {
      if (isGone(await this.state(unit))) return;
      throw error;
    }
    const { active } = await this.#settled(unit, "stop");
    if (active === "failed") await this.forgetFailed(unit);
  }

  /** Has a unit forgotten that has failed; no error when it is gone meanwhile. */
  async forgetFailed(unit: string): Promise<void> {
    try {
      await this.#bus.call("ResetFailedUnit", "s", unit);
    } catch (error) {
      if ((await this.state(unit)).active === "failed") throw error;
    }
  }

  /** The state once no job is left: the answer to a call comes when a job is queued, not when it is done. */
  async #settled(unit: string, job: "start" | "stop"): Promise<UnitState> {
    const end = performance.now() + this.#jobMs;
    for (let pause = 5; ; pause = Math.min(pause * 2, 200)) {
      const state = await this.state(unit);
      const changing = state.busy || state.active === "activating" || state.active === "deactivating";
      if (!changing && (job === "start" || state.active !== "active")) return state;
      if (performance.now() > end) {
        const what = `systemd to ${job} the unit ${unit}`;
        const context = `it is ${state.active}${state.busy ? ", and a job is queued" : ""}`;
        throw deadlineErrors.KATA_DEADLINE({ ms: this.#jobMs, what, context });
      }
      await sleep(pause);
    }
  }
}

/** How the units of a sandbox say whose they are. */
export const unitDescription = (sandbox: { readonly namespace: string; readonly sandboxId: string }): string =>
  `kata-ts sandbox ${sandbox.namespace}/${sandbox.sandboxId}`;
