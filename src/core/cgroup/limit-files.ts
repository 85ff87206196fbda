import { errnoNameOf } from "../sys/sys-error.js";
import { cgroupErrors } from "./errors.js";
import type { CgroupPath } from "./place.js";
import { type CgroupTree, formatCgroup } from "./tree.js";

/** How a limit is written to one file, and how it is lifted. */
export interface LimitText {
  readonly file: string;
  readonly value: string;
  readonly reset: string;
  /** Names the part of a file that holds several: a device. */
  readonly part?: string;
}

/** One limit. */
export interface Limit {
  readonly controller: string;
  /** The field it comes from, for messages: `linux.resources.memory.limit`. */
  readonly name: string;
  /** The first of these files that the kernel has is written. */
  readonly choices: readonly [LimitText, ...LimitText[]];
  /** A kernel that has none of the files goes without; that is told to `onAbsent`. */
  readonly optional?: boolean;
}

/** A cgroup in its hierarchy. */
export interface LimitPlace {
  readonly tree: CgroupTree;
  readonly path: CgroupPath;
}

/** A limit that is set, and where. */
interface Applied {
  readonly place: LimitPlace;
  readonly text: LimitText;
}

/** The limits that were written to a sandbox's cgroup: sets what is wanted, and lifts what is wanted no more. */
export class LimitFiles {
  readonly #onAbsent: (limit: Limit) => void;
  #applied = new Map<string, Applied>();

  constructor(onAbsent: (limit: Limit) => void) {
    this.#onAbsent = onAbsent;
  }

  /**
   * Sets exactly these. `placeOf` finds the cgroup of one, or throws. What depends on another (memory and swap of v1 may
   * each be refused until the other is set) is tried a second time. `KATA_CGROUP_LIMIT` when the kernel refuses.
   */
  async apply(wanted: readonly Limit[], placeOf: (limit: Limit) => LimitPlace): Promise<void> {
    const placed = wanted.map((limit) => ({ limit, place: placeOf(limit) }));
    const now = new Map<string, Applied>();
    const refused: typeof placed = [];
    for (const one of placed) {
      try {
        await this.#set(one.limit, one.place, now);
      } catch (error) {
        if (errnoNameOf(error) === undefined) throw error;
        refused.push(one);
      }
    }
    for (const { limit, place } of refused) {
      try {
        await this.#set(limit, place, now);
      } catch (cause) {
        const [{ file, value }] = limit.choices;
        const where = formatCgroup(place.tree, place.path, file);
        throw cgroupErrors.KATA_CGROUP_LIMIT({ limit: limit.name, value, file: where }, { cause });
      }
    }
    await this.#lift(now);
  }

  async #set(limit: Limit, place: LimitPlace, now: Map<string, Applied>): Promise<void> {
    let absent: unknown;
    for (const text of limit.choices) {
      const key = formatCgroup(place.tree, place.path, `${text.file} ${text.part ?? ""}`);
      try {
        if (this.#applied.get(key)?.text.value !== text.value)
          await place.tree.write(place.path, text.file, text.value);
        now.set(key, { place, text });
        this.#applied.set(key, { place, text });
        return;
      } catch (error) {
        if (errnoNameOf(error) !== "ENOENT") throw error;
        absent = error;
      }
    }
    if (limit.optional !== true) throw absent;
    this.#onAbsent(limit);
  }

  /** The last set is the first lifted: swap before memory. */
  async #lift(now: Map<string, Applied>): Promise<void> {
    for (const [key, { place, text }] of [...this.#applied].toReversed()) {
      if (now.has(key)) continue;
      try {
        await place.tree.write(place.path, text.file, text.reset);
      } catch (cause) {
        const where = formatCgroup(place.tree, place.path, text.file);
        throw cgroupErrors.KATA_CGROUP_LIMIT({ limit: "lifting a limit", value: text.reset, file: where }, { cause });
      }
      this.#applied.delete(key);
    }
  }
}
