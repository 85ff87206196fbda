import { existsSync } from "node:fs";
import { join } from "node:path";
import { type CgroupPlace, parseCgroupsPath } from "../../../core/cgroup/place.js";
import type { Cgroup, CgroupDriver } from "../../../core/contracts/cgroup.js";
import type { Hypervisor } from "../../../core/contracts/hypervisor.js";
import { codeOf, describeError } from "../../../core/errors/error.js";
import type { OciLinuxResources } from "../../../core/oci/spec.js";
import type { SandboxEnvironment } from "../../../core/plugin/context.js";
import { mostSpecific } from "../../../core/plugin/match.js";
import { errnoNameOf } from "../../../core/sys/sys-error.js";
import { handlerErrors } from "./errors.js";

/** Errors of a host that gives us no cgroups at all. */
const forbidden = new Set(["EROFS", "EACCES", "EPERM"]);

/** What the cgroups of a sandbox are made for. */
export interface SandboxCgroupParts {
  readonly env: SandboxEnvironment;
  readonly hypervisor: Hypervisor;
  /** `linux.cgroupsPath` of the container that the sandbox is made with. */
  readonly cgroupsPath: string | undefined;
  /** `/sys/fs/cgroup`. */
  readonly root: string;
  /** There when systemd runs the host, which makes the cgroups then that are named in its form. */
  readonly systemd: string;
  /** This process is the sandbox's own, and is moved too. */
  readonly ownsProcess: boolean;
}

/**
 * The sandbox's cgroups on the host. With `sandbox_cgroup_only` there is one, for all of its processes: they are in it from
 * their first byte on, since the shim is. Without, the shim and its helpers are in an overhead cgroup, and the sandbox's own
 * one has the VMM's memory, and of its threads those that run the guest; where the kernel cannot split a VMM, all of it.
 * A machine in this process cannot be split from the shim: it has one cgroup, whatever is configured, as in Kata.
 * What is named in systemd's form is a scope of it where it runs the host.
 */
export class SandboxCgroup {
  readonly #parts: SandboxCgroupParts;
  readonly #moves: Promise<void>[] = [];
  #sandbox: Cgroup | undefined;
  #overhead: Cgroup | undefined;
  /** Why there is no cgroup, or none that the machine is in. */
  #absence = "";
  #split = false;

  constructor(parts: SandboxCgroupParts) {
    this.#parts = parts;
  }

  /** Makes them, and moves the shim in; before anything is started. The scope removes them. */
  async create(): Promise<void> {
    const { env, hypervisor } = this.#parts;
    const places = this.#places();
    const driver = await this.#driver();
    if (driver === undefined) return;
    this.#sandbox = await this.#make(driver, places.sandbox);
    if (this.#sandbox === undefined) return;
    if (hypervisor.inProcess === true && !this.#parts.ownsProcess) {
      env.log.warn("the machine runs in a process that is not its own: limits of the host do not hold for it");
    }
    if (places.overhead !== undefined) this.#overhead = await this.#make(driver, places.overhead);
    const first = this.#overhead ?? this.#sandbox;
    if (this.#parts.ownsProcess) return this.enter();
    // What this process starts is elsewhere until it is moved.
    env.info.record.watchProcesses((pid) => {
      const move = first.add(pid);
      move.catch(() => undefined);
      this.#moves.push(move);
    });
  }

  /** Takes those that another shim has made, which the sandbox's record names and undoes; nobody is moved yet. */
  async adopt(): Promise<void> {
    const { env, root } = this.#parts;
    const places = this.#places();
    const driver = await this.#driver();
    if (driver === undefined) return;
    const take = async (place: CgroupPlace): Promise<Cgroup | undefined> => {
      const cgroup = await this.#open(driver, place);
      if (!(await cgroup.adopt())) return undefined;
      env.scope.defer(`cgroup ${cgroup.directory}`, () => cgroup.remove());
      return cgroup;
    };
    this.#sandbox = await take(places.sandbox);
    if (this.#sandbox === undefined) return this.#goWithout(`the sandbox that was taken over has none at ${root}`);
    if (places.overhead !== undefined) this.#overhead = await take(places.overhead);
    this.#split = this.#overhead !== undefined && this.#parts.hypervisor.capability("vcpu-threads") !== undefined;
  }

  /** Moves the shim in where it belongs, if it is the sandbox's own. */
  async enter(): Promise<void> {
    if (this.#parts.ownsProcess) await (this.#overhead ?? this.#sandbox)?.add(process.pid);
  }

  /** Puts the VMM in its place; right after it was started. */
  async machineStarted(): Promise<void> {
    const { hypervisor } = this.#parts;
    await Promise.all(this.#moves.splice(0));
    if (this.#sandbox === undefined || this.#overhead === undefined || hypervisor.inProcess === true) return;
    await this.#sandbox.addMachine(hypervisor.pid);
    this.#split = hypervisor.capability("vcpu-threads") !== undefined;
    if (this.#split) await this.#moveThreads(this.#sandbox);
    else await this.#sandbox.add(hypervisor.pid);
  }

  /** `KATA_CGROUP_ABSENT` when there are limits and no cgroup to keep them. */
  assertKept(resources: OciLinuxResources): void {
    if (this.#sandbox !== undefined) return;
    const asked = Object.entries(resources).flatMap(([part, members]) =>
      typeof members === "object" && members !== null ? Object.keys(members).map((name) => `${part}.${name}`) : [],
    );
    if (asked.length > 0) throw handlerErrors.KATA_CGROUP_ABSENT({ asked, problem: this.#absence });
  }

  /** Has these limits, and no others, hold for the machine. */
  async limit(resources: OciLinuxResources): Promise<void> {
    if (this.#sandbox === undefined) return;
    if (this.#split) await this.#moveThreads(this.#sandbox);
    await this.#sandbox.update(resources);
  }

  #places(): { readonly sandbox: CgroupPlace; readonly overhead: CgroupPlace | undefined } {
    const { env, hypervisor, cgroupsPath } = this.#parts;
    const { config, info, log } = env;
    const written = cgroupsPath === undefined || cgroupsPath === "" ? undefined : cgroupsPath;
    const sandbox =
      written === undefined
        ? parseCgroupsPath(`/kata_sandboxed_pod/${info.id}`, "the default without linux.cgroupsPath")
        : parseCgroupsPath(written, "linux.cgroupsPath of config.json");
    const only = config.runtime.sandbox_cgroup_only || hypervisor.inProcess === true;
    if (!config.runtime.sandbox_cgroup_only && only) log.debug("the shim is in the sandbox's cgroup, with its machine");
    if (only) return { sandbox, overhead: undefined };
    // As in Kata, a slice of its own.
    const path = this.#asksSystemd(sandbox)
      ? `kata-overhead.slice:kata-overhead:${info.id}`
      : `/kata_overhead/${info.id}`;
    return { sandbox, overhead: parseCgroupsPath(path, "the overhead cgroup") };
  }

  #asksSystemd(place: CgroupPlace): boolean {
    return place.systemd !== undefined && existsSync(this.#parts.systemd);
  }

  async #open(driver: CgroupDriver, place: CgroupPlace): Promise<Cgroup> {
    const { env, root } = this.#parts;
    const { record } = env.info;
    if (!this.#asksSystemd(place)) return driver.open({ place, record });
    const { openScope } = await import("../../../core/cgroup/open-scope.js");
    const scope = openScope({ place, record, directory: join(root, ...place.path), mark: this.#parts.systemd });
    return driver.open({ place, record, ...(scope !== undefined && { scope }) });
  }

  async #driver(): Promise<CgroupDriver | undefined> {
    const { env, root } = this.#parts;
    const drivers = await env.plugins.all("cgroup");
    const scores = new Map(drivers.map((one) => [one, one.match(root)] as const));
    if ([...scores.values()].some((score) => score > 0)) {
      return mostSpecific(
        "cgroup",
        drivers,
        (one) => scores.get(one) ?? 0,
        () => root,
      );
    }
    this.#goWithout(`there are no cgroups at ${root}`);
    return undefined;
  }

  async #make(driver: CgroupDriver, place: CgroupPlace): Promise<Cgroup | undefined> {
    const { env } = this.#parts;
    const cgroup = await this.#open(driver, place);
    try {
      await cgroup.create();
    } catch (error) {
      const errno = codeOf(error) === "KATA_CGROUP_CREATE" && error instanceof Error ? errnoNameOf(error.cause) : "";
      if (!forbidden.has(errno ?? "")) throw error;
      this.#goWithout(describeError(error));
      return undefined;
    }
    env.scope.defer(`cgroup ${cgroup.directory}`, () => cgroup.remove());
    return cgroup;
  }

  #goWithout(problem: string): void {
    this.#absence = problem;
    this.#parts.env.log.warn("the sandbox has no cgroup on the host: no limit can be put on it", { problem });
  }

  /** Those that run the guest, also such as came later; where the kernel does not do it, the VMM as a whole. */
  async #moveThreads(sandbox: Cgroup): Promise<void> {
    const { env, hypervisor } = this.#parts;
    const threads = await hypervisor.capability("vcpu-threads")?.threads();
    const problem = await sandbox.addThreads(threads ?? []);
    if (problem === undefined) return;
    env.log.info("the VMM is in the sandbox's cgroup as a whole: its threads could not be moved alone", { problem });
    this.#split = false;
    await sandbox.add(hypervisor.pid);
  }
}
