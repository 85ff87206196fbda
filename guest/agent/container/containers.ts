import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeError } from "../../../src/core/errors/error.js";
import type { Logger } from "../../../src/core/log.js";
import { specFromGrpc } from "../../../src/core/oci/convert.js";
import { stringifyExact } from "../../../src/core/oci/convert-json.js";
import { processFromGrpc } from "../../../src/core/oci/convert-process.js";
import type { OciHook } from "../../../src/core/oci/spec.js";
import type { CreateContainerRequest } from "../../../src/core/proto/gen/kata/agent.js";
import type { Process } from "../../../src/core/proto/gen/kata/oci.js";
import type { Sys } from "../../../src/core/sys/sys.js";
import { agentErrors, badArgument } from "../errors.js";
import { checkContainerId, checkId } from "../ids.js";
import type { KernelModules } from "../machine/kernel-modules.js";
import type { OomEvents } from "../observe/oom-events.js";
import type { Programs } from "../programs.js";
import type { Reaper } from "../reaper.js";
import { agentDirectory, type AgentRoots, containersDirectory } from "../roots.js";
import type { Storages } from "../storage/storages.js";
import type { ControlGroup } from "./cgroup.js";
import { Container } from "./container.js";
import { guestSpec } from "./guest-spec.js";
import type { OciRuntime } from "./oci-runtime.js";
import { boundDeviceRules, findPluggedDevices } from "./plugged-devices.js";
import { ContainerProcess } from "./process.js";
import type { SharedNamespaces } from "./shared-namespaces.js";
import { removeBundle } from "./remove-bundle.js";
import { pipeStdio, type StdioSetup, terminalStdio } from "./stdio.js";

/** What containers are made with. */
export interface ContainerTools {
  readonly sys: Pick<Sys, "descriptors" | "sockets">;
  readonly roots: AgentRoots;
  readonly modules: Pick<KernelModules, "load">;
  readonly log: Logger;
  readonly runtime: OciRuntime;
  /** The control group of a container, there or not. */
  readonly cgroup: (containerId: string) => ControlGroup;
  readonly reaper: Reaper;
  readonly programs: Pick<Programs, "nothing">;
  readonly storages: Storages;
  readonly namespaces: SharedNamespaces;
  readonly oom: OomEvents;
  readonly guestHooks: Readonly<Record<string, readonly OciHook[]>>;
  readonly hotplugTime: number;
}

/** The containers of the sandbox. */
export class Containers {
  readonly #tools: ContainerTools;
  readonly #containers = new Map<string, Container>();
  readonly #creating = new Set<string>();
  readonly #removals = new Map<string, Promise<void>>();
  #consoles = 0;

  constructor(tools: ContainerTools) {
    this.#tools = tools;
  }

  /** `KATA_GUEST_CONTAINER_UNKNOWN` when there is none. */
  get(id: string): Container {
    const container = this.#containers.get(checkId("container_id", id));
    if (container === undefined) throw agentErrors.KATA_GUEST_CONTAINER_UNKNOWN({ id });
    return container;
  }

  /** A process of a container: its first one has the container's own id. */
  process(id: string, execId: string): ContainerProcess {
    return this.get(id).process(checkId("exec_id", execId));
  }

  /** The exit status of a process; `Container.wait`. */
  wait(id: string, execId: string, signal: AbortSignal): Promise<number> {
    return this.get(id).wait(checkId("exec_id", execId), signal);
  }

  /** Makes a container, up to the point where its first process waits to be started. Undoes what it did when it fails. */
  async create(request: CreateContainerRequest): Promise<void> {
    const id = checkContainerId(request.containerId);
    if (this.#containers.has(id) || this.#creating.has(id)) throw agentErrors.KATA_GUEST_CONTAINER_EXISTS({ id });
    this.#creating.add(id);
    const { storages, roots } = this.#tools;
    const bundle = join(containersDirectory(roots), id);
    try {
      await storages.add(id, request.storages);
      this.#containers.set(id, await this.#make(request, bundle));
    } catch (error) {
      await storages.release(id);
      removeBundle(bundle);
      throw error;
    } finally {
      this.#creating.delete(id);
    }
  }

  async start(id: string): Promise<void> {
    const container = this.get(id);
    container.advance("running", ["created"], "started");
    await this.#tools.runtime.start(id, container.hooks.afterStart);
    // Not before the host has its answer: what ended for want of memory by then is counted all the same.
    setImmediate(() => {
      if (this.#containers.get(id) === container) this.#tools.oom.watch(id, container.cgroup);
    });
  }

  /** Starts a further process. */
  async exec(id: string, execId: string, request: Process | undefined): Promise<void> {
    const container = this.get(id);
    checkId("exec_id", execId);
    container.assertState(["running"], "given another process");
    if (request === undefined) throw badArgument("process", request, "an object");
    if (request.Args.length === 0) throw badArgument("process.args", request.Args, "a list with a program in it");
    container.reserve(execId);
    let process: ContainerProcess | undefined;
    const { apparmorProfile: _apparmor, selinuxLabel: _label, ...spec } = processFromGrpc(request);
    try {
      process = await this.#launch(container, execId, request.Terminal, (stdio) =>
        this.#tools.runtime.exec(id, stringifyExact(spec), { bundle: container.bundle, stdio }),
      );
    } finally {
      container.settle(execId, process);
    }
  }

  async pause(id: string): Promise<void> {
    const container = this.get(id);
    container.assertState(["running"], "paused");
    await container.cgroup.freeze(true);
    container.advance("paused", ["running"], "paused");
  }

  async resume(id: string): Promise<void> {
    const container = this.get(id);
    container.assertState(["paused"], "resumed");
    await container.cgroup.freeze(false);
    container.advance("running", ["paused"], "resumed");
  }

  /** Sets limits, given in JSON. */
  async update(id: string, resources: string): Promise<void> {
    const container = this.get(id);
    container.assertState(["created", "running", "paused"], "given other limits");
    await this.#tools.runtime.update(id, resources, container.bundle);
  }

  /** Sends a signal to every process of a container. */
  signalAll(id: string, signal: number): void {
    const container = this.get(id);
    if (container.init.hasEnded) throw agentErrors.KATA_GUEST_PROCESS_ENDED({ id, execId: id });
    if (signal === 9) return container.cgroup.kill();
    for (const pid of container.cgroup.pids()) {
      try {
        process.kill(pid, signal);
      } catch (error) {
        this.#tools.log.debug("a process ended before its signal", { pid, error: describeError(error) });
      }
    }
  }

  /** Ends a container and removes all that was made for it. Everyone who asks waits for the one removal. */
  remove(id: string): Promise<void> {
    const running = this.#removals.get(id);
    if (running !== undefined) return running;
    const container = this.get(id);
    const removal = this.#remove(container).finally(() => this.#removals.delete(id));
    this.#removals.set(id, removal);
    return removal;
  }

  /** Removes all containers; failures are logged. */
  async removeAll(): Promise<void> {
    for (const id of this.#containers.keys()) {
      await this.remove(id).catch((error: unknown) => {
        this.#tools.log.error("a container could not be removed", { container: id, error: describeError(error) });
      });
    }
  }

  async #make(request: CreateContainerRequest, bundle: string): Promise<Container> {
    const { containerId: id } = request;
    if (request.OCI === undefined) throw badArgument("OCI", undefined, "a specification");
    const { roots, hotplugTime, namespaces, guestHooks, runtime } = this.#tools;
    const devices = await findPluggedDevices(request.devices, this.#tools, hotplugTime);
    const { spec, networkSysctls } = guestSpec(specFromGrpc(request.OCI), {
      roots,
      containerId: id,
      sharedNamespaces: namespaces.paths(request.sandboxPidns),
      guestHooks,
      devices,
      boundDevices: boundDeviceRules(request.storages),
    });
    for (const [name, value] of Object.entries(networkSysctls)) this.#writeSysctl(name, value);
    mkdirSync(bundle, { recursive: true, mode: 0o700 });
    writeFileSync(join(bundle, "config.json"), stringifyExact(spec), { mode: 0o600 });
    const cgroup = this.#tools.cgroup(id);
    const isTerminal = spec.process?.terminal === true;
    let init: ContainerProcess;
    try {
      init = await this.#launch({ id, cgroup }, id, isTerminal, (stdio) => runtime.create(id, { bundle, stdio }));
    } catch (error) {
      await this.#undoCreate(id, cgroup);
      throw error;
    }
    const { poststart = [], poststop = [] } = spec.hooks ?? {};
    const hooks = { afterStart: poststart.length > 0, afterEnd: poststop.length > 0 };
    return new Container({ id, bundle, cgroup, init, hooks });
  }

  /** Starts a process by the OCI runtime, with streams of its own. */
  async #launch(
    container: Pick<Container, "id" | "cgroup">,
    execId: string,
    isTerminal: boolean,
    start: (stdio: StdioSetup) => Promise<number>,
  ): Promise<ContainerProcess> {
    const { reaper, oom } = this.#tools;
    const { id: containerId } = container;
    const stdio = this.#stdio(isTerminal);
    const birth = reaper.birth();
    let started: number | undefined;
    try {
      const pid = await start(stdio);
      const exit = birth.claim(pid);
      started = pid;
      const streams = stdio.take(() => this.#containers.get(containerId)?.sweep());
      if (execId === containerId) this.#tools.namespaces.adoptPid(pid);
      return new ContainerProcess({ containerId, execId, pid, streams, exit, onExit: () => oom.check(containerId) });
    } catch (error) {
      if (started !== undefined) process.kill(started, "SIGKILL");
      throw error;
    } finally {
      birth.end();
      stdio.close();
    }
  }

  #stdio(isTerminal: boolean): StdioSetup {
    const { sys, programs, roots } = this.#tools;
    if (!isTerminal) return pipeStdio(sys);
    const directory = agentDirectory(roots);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return terminalStdio(sys, programs, join(directory, `console-${++this.#consoles}.sock`));
  }

  /** Settings of the guest's one network, on behalf of a container; one that cannot be made fails the container. */
  #writeSysctl(name: string, value: string): void {
    const path = name.includes("/") ? name : name.replaceAll(".", "/");
    writeFileSync(join(this.#tools.roots.proc, "sys", path), value);
  }

  async #undoCreate(id: string, cgroup: ControlGroup): Promise<void> {
    try {
      await cgroup.remove();
      await this.#tools.runtime.delete(id, false);
    } catch (error) {
      this.#tools.log.warn("what is left of a failed container", { container: id, error: describeError(error) });
    }
  }

  async #remove(container: Container): Promise<void> {
    const { id, bundle, cgroup, init, hooks } = container;
    const { oom, runtime, storages } = this.#tools;
    container.advance("being removed", ["created", "running", "paused", "stopped", "being removed"], "removed");
    if (!init.hasEnded) {
      cgroup.kill();
      await init.ended;
    }
    oom.forget(id);
    container.close();
    await runtime.delete(id, hooks.afterEnd);
    await cgroup.remove();
    await storages.release(id);
    removeBundle(bundle);
    this.#containers.delete(id);
  }
}
