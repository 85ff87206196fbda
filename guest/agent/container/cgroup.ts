import { readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { withDeadline } from "../../../src/core/deadline.js";
import { errnoNameOf } from "../../../src/core/sys/sys-error.js";
import type { AgentRoots } from "../roots.js";
import { containerCgroup } from "./guest-spec.js";

/** Milliseconds between two looks at what the kernel does by itself. */
const lookPause = 5;

/** Milliseconds the kernel may take to freeze or to kill what is in a group. */
const changeTime = 20_000;

/** What is done to all processes of a container at once. It may be gone at any time: the OCI runtime removes it too. */
export interface ControlGroup {
  /** Directory in the control group file system. */
  readonly directory: string;
  /** Processes in it and in groups below it. */
  pids(): number[];
  /** Stops all its processes, or lets them go on; ends well when that has happened. */
  freeze(on: boolean): Promise<void>;
  /** Ends all its processes by force. */
  kill(): void;
  /** Kills what is left in it and removes it with the groups below. */
  remove(): Promise<void>;
  /** Times the kernel has killed a process of it for want of memory; undefined when it is gone. */
  memoryKills(): number | undefined;
}

/** A container's control group, version 2. */
export class ContainerCgroup implements ControlGroup {
  readonly directory: string;

  constructor(roots: AgentRoots, containerId: string) {
    this.directory = join(roots.cgroup, containerCgroup(containerId));
  }

  pids(): number[] {
    return this.#groups().flatMap((group) => {
      const lines = read(join(group, "cgroup.procs"))?.trim().split("\n") ?? [];
      return lines.filter((line) => line !== "").map(Number);
    });
  }

  async freeze(on: boolean): Promise<void> {
    const wanted = on ? "1" : "0";
    writeFileSync(join(this.directory, "cgroup.freeze"), wanted);
    await this.#until(`processes in ${this.directory} to be ${on ? "frozen" : "thawed"}`, () => {
      return this.#event("frozen") === wanted;
    });
  }

  kill(): void {
    try {
      writeFileSync(join(this.directory, "cgroup.kill"), "1");
    } catch (error) {
      if (errnoNameOf(error) !== "ENOENT") throw error;
    }
  }

  async remove(): Promise<void> {
    if (read(join(this.directory, "cgroup.events")) === undefined) return;
    this.kill();
    await this.#until(`processes in ${this.directory} to end`, () => this.#event("populated") !== "1");
    for (const group of this.#groups().toReversed()) {
      try {
        rmdirSync(group);
      } catch (error) {
        if (errnoNameOf(error) !== "ENOENT") throw error;
      }
    }
  }

  memoryKills(): number | undefined {
    const count = /^oom_kill (\d+)$/m.exec(read(join(this.directory, "memory.events")) ?? "")?.[1];
    return count === undefined ? undefined : Number(count);
  }

  #event(name: string): string | undefined {
    return new RegExp(`^${name} (\\d)$`, "m").exec(read(join(this.directory, "cgroup.events")) ?? "")?.[1];
  }

  async #until(what: string, test: () => boolean): Promise<void> {
    await withDeadline({ ms: changeTime, what }, async (signal) => {
      while (!test() && !signal.aborted) await pause(lookPause);
    });
  }

  /** It and the groups below it, each before its own. */
  #groups(): string[] {
    const groups = [this.directory];
    for (const group of groups) {
      for (const entry of list(group)) if (entry.isDirectory()) groups.push(join(group, entry.name));
    }
    return groups;
  }
}

function list(directory: string): { name: string; isDirectory(): boolean }[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
