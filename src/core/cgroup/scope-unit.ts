import { existsSync } from "node:fs";
import type { SandboxRecord } from "../sandbox/record.js";
import { undoUnit } from "../systemd/host.js";
import { type UnitProperty, type Units, unitDescription } from "../systemd/units.js";
import { codeOf } from "../errors/error.js";
import { Turnstile } from "../turnstile.js";
import { cgroupErrors } from "./errors.js";
import type { CgroupPlace } from "./place.js";

/** How often a scope is begun again when slices on its way come or go at that moment. */
const attempts = 5;

/** What is set whatever is asked for: the number of tasks is the guest's to limit, and systemd limits it unless told. */
const always: readonly UnitProperty[] = [["TasksMax", "t", "18446744073709551615"]];

/** A scope of systemd that is wanted. */
export interface ScopeUnitParts {
  readonly units: Units;
  readonly place: CgroupPlace & { readonly systemd: NonNullable<CgroupPlace["systemd"]> };
  readonly record: Pick<SandboxRecord, "content" | "directories" | "forget">;
  /** Its directory on the host, for messages and the record. */
  readonly directory: string;
}

/** What a driver does with a scope that is started. */
export interface ScopeSteps {
  /** Whether its directory is there. */
  readonly isThere: () => boolean;
  /** Just before it is started. */
  readonly before: () => void;
  /** As soon as it is there. */
  readonly after: () => Promise<void>;
}

/**
 * A scope of systemd, which makes its directories and owns them. A scope is there from its first process on and goes with its
 * last: so `create` only looks whether there can be one, and `start` makes it, anew when it has gone meanwhile.
 */
export class ScopeUnit {
  readonly #parts: ScopeUnitParts;
  readonly #description: string;
  readonly #turns = new Turnstile();
  #started = false;
  #noted = false;
  /** Slices on the way to it that are not there; undefined when nobody has looked. */
  #slices: readonly string[] | undefined;
  /** Properties it has now, by their names. */
  #properties = new Map<string, UnitProperty>();

  constructor(parts: ScopeUnitParts) {
    this.#parts = parts;
    this.#description = unitDescription(parts.record.content);
  }

  /** Whether it was started, and has not been stopped; it may have gone by itself. */
  get started(): boolean {
    return this.#started;
  }

  /** `KATA_CGROUP_TAKEN` when there is such a unit, `KATA_CGROUP_PATH` when it is none that holds processes. */
  async create(): Promise<void> {
    const { units, place, directory } = this.#parts;
    const { unit } = place.systemd;
    if (!unit.endsWith(".scope")) {
      const problem = `systemd runs here, whose ${unit} holds no processes itself: a sandbox needs a scope`;
      throw cgroupErrors.KATA_CGROUP_PATH({ path: place.written, where: place.where, problem });
    }
    const [state, slices] = await Promise.all([units.state(unit), this.#missingSlices()]);
    this.#slices = slices;
    if (state.active === "failed" && !state.busy) return units.forgetFailed(unit);
    if (state.active === "inactive" && !state.busy && state.file === "") return;
    const holds = `the unit ${unit} of systemd ("${state.description}", ${state.active})`;
    throw cgroupErrors.KATA_CGROUP_TAKEN({ path: place.written, where: place.where, directory, holds });
  }

  /** Takes the one that the record has; false when it has none. Its last process may have ended meanwhile. */
  async adopt(): Promise<boolean> {
    const { units, place, record, directory } = this.#parts;
    this.#noted = record.content.paths.some(({ kind, path }) => kind === "unit" && path === directory);
    if (!this.#noted) return false;
    const { active, description } = await units.state(place.systemd.unit);
    this.#started = active === "active" && description === this.#description;
    return true;
  }

  /** Makes it with a process in it, if it is not there. False when it is not, the process having ended. */
  begin(pid: number, { isThere, before, after }: ScopeSteps): Promise<boolean> {
    return this.#turns.pass(async () => {
      if (this.#started && isThere()) return true;
      before();
      try {
        await this.#start(pid);
      } catch (error) {
        if (existsSync(`/proc/${pid}`)) throw error;
        return false;
      }
      await after();
      return true;
    });
  }

  async #start(pid: number): Promise<void> {
    const { units, place, record, directory } = this.#parts;
    const { unit, slice } = place.systemd;
    if (!this.#noted) record.directories([{ kind: "unit", path: directory }]);
    this.#noted = true;
    const properties = [...always, ...this.#properties.values()];
    for (let attempt = 1; ; attempt++) {
      this.#slices ??= await this.#missingSlices();
      const newSlices = this.#slices;
      try {
        await units.startScope({ unit, slice, newSlices, description: this.#description, pid, properties });
        break;
      } catch (error) {
        if (codeOf(error) !== "KATA_SYSTEMD_REFUSED" || attempt === attempts) throw error;
        this.#slices = await this.#missingSlices();
        if (this.#slices.join() === newSlices.join()) throw error;
      }
    }
    this.#started = true;
    this.#slices = undefined;
  }

  /** Has these properties, and those that it had besides with the values that lift them. */
  async set(wanted: readonly UnitProperty[], lifted: ReadonlyMap<string, UnitProperty>): Promise<void> {
    const now = new Map(wanted.map((one) => [one[0], one] as const));
    const before = this.#properties;
    const changed = wanted.filter((one) => before.get(one[0])?.join() !== one.join());
    const gone = [...before.keys()]
      .filter((name) => !now.has(name))
      .map((name) => lifted.get(name))
      .filter((one) => one !== undefined);
    if (this.#started) await this.#parts.units.set(this.#parts.place.systemd.unit, [...changed, ...gone]);
    this.#properties = now;
  }

  /** Ends it with all that is in it; idempotent. */
  async stop(): Promise<void> {
    const { units, place } = this.#parts;
    if (this.#noted) await undoUnit(place.systemd.unit, this.#description, units);
    this.#started = false;
  }

  /** Its directories are gone too. */
  forget(): void {
    if (this.#noted) this.#parts.record.forget(this.#parts.directory);
    this.#noted = false;
  }

  /** The slices that it is in and that are not there, outermost first. One that somebody has written is systemd's to start. */
  async #missingSlices(): Promise<string[]> {
    const { units, place } = this.#parts;
    const states = await Promise.all(
      place.path.slice(0, -1).map(async (slice) => ({ slice, ...(await units.state(slice)) })),
    );
    return states
      .filter(({ active, busy, file }) => active === "inactive" && !busy && file === "")
      .map((one) => one.slice);
  }
}
