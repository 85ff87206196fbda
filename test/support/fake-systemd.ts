import type { BusClient } from "../../src/core/systemd/bus-client.js";
import { systemdErrors } from "../../src/core/systemd/errors.js";
import type { FakeCgroups } from "./fake-cgroups.js";

/** A unit of the fake. */
interface FakeUnit {
  active: string;
  description: string;
  file: string;
  path: readonly string[];
  readonly properties: Map<string, string>;
}

const all = ["cpuset", "cpu", "io", "memory", "pids"];

/**
 * systemd as its bus shows it: scopes and slices, whose cgroups it makes in `trees`. A scope goes when `emptied` is called for
 * it, with the slices that are needed no more.
 */
export class FakeSystemd implements BusClient {
  readonly units = new Map<string, FakeUnit>();
  /** Calls of methods, in order: `StopUnit a.scope replace`. */
  readonly calls: string[] = [];
  /** Refuses a call, by what it says then. */
  refuse: (call: string) => string | undefined = () => undefined;
  /** Done with each scope that was started. */
  started: (unit: FakeUnit) => void = () => undefined;
  /** Milliseconds a unit takes to end. */
  stopMs = 0;
  readonly #trees: readonly FakeCgroups[];

  constructor(trees: readonly FakeCgroups[] = []) {
    this.#trees = trees;
  }

  async call(method: string, _signature: string, ...args: readonly string[]): Promise<void> {
    const call = `${method} ${args.join(" ")}`;
    this.calls.push(call);
    const answer = this.refuse(call);
    if (answer !== undefined) throw systemdErrors.KATA_SYSTEMD_REFUSED({ call, answer });
    const [name = ""] = args;
    if (method === "StartTransientUnit") return this.#start(args);
    const unit = this.units.get(name);
    if (unit === undefined) {
      throw systemdErrors.KATA_SYSTEMD_REFUSED({ call, answer: `Unit ${name} not loaded.` });
    }
    if (method === "StopUnit" && this.stopMs === 0) this.#end(name);
    else if (method === "StopUnit") {
      unit.active = "deactivating";
      setTimeout(() => this.#end(name), this.stopMs);
    }
    if (method === "ResetFailedUnit") this.units.delete(name);
    if (method === "SetUnitProperties") this.#set(unit, args.slice(2));
  }

  async properties(name: string, _kind: string, names: readonly string[]): Promise<readonly unknown[]> {
    const unit = this.units.get(name);
    const isSlice = name.endsWith(".slice");
    const values: Record<string, unknown> = {
      LoadState: unit !== undefined || isSlice ? "loaded" : "not-found",
      ActiveState: unit?.active ?? "inactive",
      Job: [0, "/"],
      FragmentPath: unit?.file ?? "",
      Description: unit?.description ?? name,
      Result: unit?.active === "failed" ? "resources" : "success",
    };
    return names.map((one) => values[one]);
  }

  /** Adds a unit that somebody else has. */
  add(name: string, active: string, description = "another's"): void {
    this.units.set(name, { active, description, file: "/run/x", path: [], properties: new Map() });
  }

  /** The last process of a scope has ended. */
  emptied(name: string): void {
    this.#end(name);
  }

  async #start([name = "", , count, ...rest]: readonly string[]): Promise<void> {
    if (this.units.has(name)) {
      throw systemdErrors.KATA_SYSTEMD_REFUSED({ call: name, answer: `Unit ${name} was already loaded.` });
    }
    const unit: FakeUnit = { active: "active", description: "", file: "/run/t", path: [], properties: new Map() };
    const left = this.#set(unit, [count ?? "", ...rest]);
    const newSlices = left.slice(1).filter((word) => word.endsWith(".slice"));
    const taken = newSlices.find((slice) => this.units.has(slice));
    if (taken !== undefined) throw systemdErrors.KATA_SYSTEMD_REFUSED({ call: name, answer: `${taken} was loaded.` });
    for (const slice of newSlices) this.add(slice, "active", slice);
    const slice = unit.properties.get("Slice") ?? "";
    const names = slice === "-.slice" ? [] : slice.slice(0, -".slice".length).split("-");
    const slices = names.map((_, index) => `${names.slice(0, index + 1).join("-")}.slice`);
    unit.description = unit.properties.get("Description") ?? "";
    unit.path = [...slices, name];
    this.units.set(name, unit);
    this.started(unit);
    if (unit.active !== "active") return;
    for (const tree of this.#trees) {
      if (!tree.systemd) continue;
      for (let depth = 0; depth < unit.path.length; depth++) {
        if (tree.version === 2) {
          await tree.write(unit.path.slice(0, depth), "cgroup.subtree_control", all.map((one) => `+${one}`).join(" "));
        }
        tree.make(unit.path.slice(0, depth + 1));
      }
      const pid = unit.properties.get("PIDs")?.split(" ")[1] ?? "";
      if (tree.threads.has(Number(pid))) await tree.write(unit.path, "cgroup.procs", pid);
    }
  }

  /** Takes a list of properties in; gives the words after it. */
  #set(unit: FakeUnit, [count = "0", ...words]: readonly string[]): readonly string[] {
    let at = 0;
    for (let done = 0; done < Number(count); done++) {
      const [name = "", type = "", first = ""] = words.slice(at);
      const length = type.startsWith("a") ? 1 + Number(first) : 1;
      unit.properties.set(name, words.slice(at + 2, at + 2 + length).join(" "));
      at += 2 + length;
    }
    return words.slice(at);
  }

  #end(name: string): void {
    const unit = this.units.get(name);
    this.units.delete(name);
    for (const tree of this.#trees) {
      const at = unit?.path ?? [];
      if (at.length === 0 || !tree.has(at)) continue;
      for (const child of tree.children(at)) tree.remove([...at, child]);
      tree.remove(at);
      for (let depth = at.length - 1; depth > 0; depth--) {
        const slice = at.slice(0, depth);
        if (tree.has(slice) && tree.children(slice).length === 0) {
          tree.remove(slice);
          this.units.delete(slice.at(-1) ?? "");
        }
      }
    }
  }
}
