import type { RuntimeHandler } from "../../../core/contracts/runtime-handler.js";
import type { HandlerTable } from "../../../core/dispatch/dispatcher.js";
import type { ProcessStreams } from "../../../core/io/process-streams.js";
import {
  execAdded,
  execStarted,
  taskCreated,
  taskDeleted,
  taskExited,
  taskPaused,
  taskResumed,
  taskStarted,
} from "../../../core/messages/events.js";
import { destroyTemplate, initTemplate, templateStatus } from "../../../core/messages/factory.js";
import {
  type CreateTask,
  closeTaskIo,
  connectTask,
  createTask,
  type DeletedProcess,
  deleteTask,
  execTask,
  killTask,
  pauseTask,
  type ProcessExit,
  type ProcessId,
  type ProcessIo,
  resizeTask,
  resumeTask,
  shutdownTask,
  startTask,
  taskPids,
  type TaskState,
  taskState,
  taskStats,
  updateTask,
  waitTask,
} from "../../../core/messages/task.js";
import { type RecoveredSandbox, recoverSandbox } from "../../../core/messages/recovery.js";
import type { OciProcess } from "../../../core/oci/spec.js";
import type { PluginContext } from "../../../core/plugin/context.js";
import { assertId } from "../../../core/runtime/errors.js";
import { type ContainerIdentity, containerIdentity } from "../../../core/sandbox/identity.js";
import { Container } from "./container.js";
import { containerParts, openStreams } from "./container-parts.js";
import { withAnnotatedSwap } from "./container-swap.js";
import { handlerErrors } from "./errors.js";
import { guestIdentity, networkNamespaceOf } from "./identity.js";
import { keepAfter } from "./keep-after.js";
import { knownDemand } from "./machine-size.js";
import { Process } from "./process.js";
import { recover } from "./recover.js";
import { readStats, updateResources } from "./resources.js";
import { sandboxOrder, VirtSandbox } from "./sandbox.js";
import { handleSizedVolumes } from "./sized-volumes.js";
import { checkSpec } from "./spec-check.js";
import { tellWhyGone } from "./tell-why-gone.js";
import { TemplateFactory } from "./template-factory.js";

/** Milliseconds that output may still take to arrive when a process is deleted. */
const drainTime = 2_000;

/** SIGKILL. */
const forcedEnd = 9;

/** A container with its sandbox. */
interface Placed {
  readonly sandbox: VirtSandbox;
  readonly container: Container;
}

/** The runtime handler `virt_container`: a sandbox is a virtual machine, containers run in it. */
export class VirtContainerHandler implements RuntimeHandler {
  readonly name = "virt-container";
  readonly #context: PluginContext;
  readonly #sandboxes = new Map<string, VirtSandbox>();
  /** Containers that are being created: their ids are taken. */
  readonly #creating = new Set<string>();

  constructor(context: PluginContext) {
    this.#context = context;
  }

  register(all: HandlerTable): void {
    const { name } = this;
    const sandboxOf = (containerId: string) => this.#sandboxOf(containerId);
    const table = tellWhyGone(all, sandboxOf);
    const kept = keepAfter(table, sandboxOf);
    kept.handle(createTask, name, (request) => this.#create(request));
    table.handle(startTask, name, (id) => this.#start(id));
    kept.handle(execTask, name, (request) => this.#exec(request));
    kept.handle(deleteTask, name, (id) => this.#delete(id));
    table.handle(recoverSandbox, name, ({ sandboxId }) => this.#recover(sandboxId));
    table.handle(killTask, name, (request) => this.#process(request).signal(request.signal, request.all));
    table.handle(waitTask, name, async (id) => this.#process(id).exited);
    table.handle(taskState, name, async (id) => this.#state(id));
    table.handle(taskPids, name, async ({ containerId }) => ({ pids: [this.#find(containerId).sandbox.pid] }));
    table.handle(connectTask, name, async ({ containerId }) => ({ pid: this.#find(containerId).sandbox.pid }));
    kept.handle(pauseTask, name, ({ containerId }) => this.#pause(containerId));
    kept.handle(resumeTask, name, ({ containerId }) => this.#resume(containerId));
    table.handle(resizeTask, name, (request) => this.#process(request).resize(request));
    table.handle(closeTaskIo, name, async (request) => {
      if (request.stdin) this.#process(request).closeStdin();
    });
    kept.handle(updateTask, name, async ({ containerId, resources }) =>
      updateResources(this.#find(containerId).sandbox, containerId, resources),
    );
    table.handle(taskStats, name, async ({ containerId }) => readStats(this.#find(containerId).sandbox, containerId));
    handleSizedVolumes(table, name, () => this.#sandboxes.values());
    table.handle(shutdownTask, name, (request) => this.#shutdown(request.now));
    const factory = new TemplateFactory(this.#context);
    table.handle(initTemplate, name, () => factory.init());
    table.handle(templateStatus, name, () => factory.status());
    table.handle(destroyTemplate, name, () => factory.destroy());
  }

  close(): Promise<void> {
    return this.#endAll((sandbox) => sandbox.stop());
  }

  destroy(reason: unknown): Promise<void> {
    return this.#endAll((sandbox) => sandbox.stop(reason));
  }

  async #create(asked: CreateTask): Promise<{ pid: number }> {
    const { containerId: id } = asked;
    assertId("the container id", id);
    const identity = containerIdentity(id, asked.spec);
    this.#reserve(id);
    try {
      checkSpec(asked.spec);
      const request = { ...asked, spec: withAnnotatedSwap(asked.spec, id, this.#context.log) };
      const sandbox = await this.#sandboxFor(request, identity);
      try {
        await this.#createIn(sandbox, request, identity);
      } catch (error) {
        const reason = await sandbox.reason(error);
        if (sandbox.containers.size === 0) await this.#endSandbox(sandbox, reason);
        throw reason;
      }
      const { pid } = sandbox;
      const { bundle, rootfs, io } = request;
      this.#context.events.publish(taskCreated, { containerId: id, bundle, rootfs, io, pid });
      return { pid };
    } finally {
      this.#creating.delete(id);
    }
  }

  #reserve(id: string): void {
    const there = this.#sandboxOf(id);
    if (there) throw handlerErrors.KATA_CONTAINER_EXISTS({ id, sandbox: there.id });
    if (this.#creating.has(id)) throw handlerErrors.KATA_CONTAINER_EXISTS({ id, sandbox: "being created" });
    this.#creating.add(id);
  }

  async #sandboxFor(request: CreateTask, identity: ContainerIdentity): Promise<VirtSandbox> {
    const { sandboxId, role } = identity;
    const there = this.#sandboxes.get(sandboxId);
    if (there) {
      this.#assertPod(there, request.containerId);
      return there;
    }
    if (role === "container") {
      const container = request.containerId;
      throw handlerErrors.KATA_SANDBOX_UNKNOWN({ container, sandbox: sandboxId, there: [...this.#sandboxes.keys()] });
    }
    const known = knownDemand(request, role);
    const networkNamespace = networkNamespaceOf(request.spec);
    const env = await this.#context.openSandbox({
      id: sandboxId,
      annotations: request.spec.annotations ?? {},
      ...(networkNamespace !== undefined && { networkNamespace }),
      ...(request.configPath !== undefined && { configPath: request.configPath }),
    });
    const guest = guestIdentity(sandboxId, request, env.log);
    const sandbox = new VirtSandbox(this.#context, env, sandboxOrder(request, role, guest, [known]));
    this.#sandboxes.set(sandboxId, sandbox);
    return sandbox;
  }

  /** Creates a container while its sandbox boots, if it has to; undoes its host side when anything fails. */
  async #createIn(sandbox: VirtSandbox, request: CreateTask, identity: ContainerIdentity): Promise<void> {
    const { containerId: id } = request;
    const parts = await sandbox.parts();
    const scope = sandbox.env.scope.child(`container ${id}`);
    const booting = sandbox.start();
    booting.catch(() => undefined);
    let container: Container | undefined;
    try {
      const processId = { containerId: id, execId: "" };
      const streams = await this.#openStreams(sandbox, processId, request.io, request.bundle);
      container = new Container(containerParts(sandbox, parts, { request, role: identity.role, scope }), {
        streams,
        log: sandbox.env.log,
        onExit: (exit) => this.#exited(processId, sandbox, exit),
      });
      const one = container;
      const prepared = await sandbox.phases.run("container on the host", () => one.prepare(sandbox.signal));
      await booting;
      await sandbox.limits.add(id, request.spec.linux?.resources ?? {});
      await sandbox.phases.run("container in the guest", () => one.create(prepared, sandbox.lost, sandbox.signal));
      sandbox.containers.set(id, one);
    } catch (error) {
      const undo = [
        () => container?.removeFromGuest(),
        () => (sandbox.running ? sandbox.limits.remove(id) : undefined),
        () => container?.release(0),
        () => container?.cleanup(!sandbox.running),
        () => scope.destroy(error),
      ];
      for (const step of undo) await Promise.resolve(step()).catch((cause: unknown) => this.#logUndo(id, cause));
      throw error;
    }
  }

  #logUndo(id: string, error: unknown): void {
    this.#context.log.warn("undoing a container that could not be created", { container: id, error });
  }

  #openStreams(sandbox: VirtSandbox, id: ProcessId, io: ProcessIo, bundle: string): Promise<ProcessStreams> {
    return openStreams(this.#context, sandbox, id, io, bundle);
  }

  async #start(id: ProcessId): Promise<{ pid: number }> {
    const { sandbox, container } = this.#find(id.containerId);
    const { agent } = await sandbox.parts();
    const { pid } = sandbox;
    const process = container.process(id.execId);
    if (id.execId === "" && container.id !== sandbox.id) this.#assertPod(sandbox, container.id);
    const { events } = this.#context;
    if (id.execId === "") {
      const begin = () => agent.startContainer(container.id);
      const announce = async () => {
        await sandbox.keep();
        events.publish(taskStarted, { containerId: id.containerId, pid });
      };
      await sandbox.phases.run("start in the guest", () => process.start(begin, announce));
    } else {
      const begin = async () => {
        await agent.execProcess(process.guest, container.execSpec(id.execId));
        process.watch(sandbox.lost);
      };
      await process.start(begin, async () => {
        await sandbox.keep();
        events.publish(execStarted, { ...id, pid });
      });
    }
    return { pid };
  }

  async #exec(request: ProcessId & { process: OciProcess; io: ProcessIo }): Promise<void> {
    const { containerId, execId } = request;
    assertId("the exec id", execId);
    const { sandbox, container } = this.#find(containerId);
    container.init.machine.assert("run a process in");
    const id = { containerId, execId };
    container.reserveExec(execId);
    try {
      const { agent } = await sandbox.parts();
      const streams = await this.#openStreams(sandbox, id, request.io, container.bundle);
      const onExit = (exit: ProcessExit) => this.#exited(id, sandbox, exit);
      container.addExec(
        new Process({ id, io: request.io, streams, agent, log: sandbox.env.log, onExit }),
        request.process,
      );
    } catch (error) {
      container.removeExec(execId);
      throw error;
    }
    this.#context.events.publish(execAdded, id);
  }

  async #delete(id: ProcessId): Promise<DeletedProcess> {
    const { sandbox, container } = this.#find(id.containerId);
    const process = container.process(id.execId);
    process.machine.apply("delete");
    const { pid } = sandbox;
    const exit = process.exit ?? { status: 0, exitedAt: new Date() };
    await process.release(drainTime);
    if (id.execId !== "") {
      container.removeExec(id.execId);
      return { pid, exit };
    }
    if (sandbox.containers.size === 1) {
      await this.#endSandbox(sandbox);
    } else {
      if (sandbox.running) await container.removeFromGuest();
      if (sandbox.running) await sandbox.limits.remove(id.containerId);
      await container.release(0);
      await container.cleanup(!sandbox.running);
      sandbox.containers.delete(id.containerId);
    }
    this.#context.events.publish(taskDeleted, { containerId: id.containerId, pid, exit });
    return { pid, exit };
  }

  async #pause(containerId: string): Promise<void> {
    const { sandbox, container } = this.#find(containerId);
    container.init.machine.assert("pause");
    const { agent } = await sandbox.parts();
    await agent.pauseContainer(containerId);
    container.init.machine.apply("pause");
    this.#context.events.publish(taskPaused, { containerId });
  }

  async #resume(containerId: string): Promise<void> {
    const { sandbox, container } = this.#find(containerId);
    container.init.machine.assert("resume");
    const { agent } = await sandbox.parts();
    await agent.resumeContainer(containerId);
    container.init.machine.apply("resume");
    this.#context.events.publish(taskResumed, { containerId });
  }

  #state(id: ProcessId): TaskState {
    const { sandbox, container } = this.#find(id.containerId);
    const process = container.process(id.execId);
    const { exit, status, io } = process;
    return { id, bundle: container.bundle, pid: sandbox.pid, status, io, ...(exit && { exit }) };
  }

  async #shutdown(now: boolean): Promise<{ done: boolean }> {
    if (!now && (this.#creating.size > 0 || this.#sandboxes.size > 0)) return { done: false };
    await this.close();
    return { done: true };
  }

  #exited(id: ProcessId, sandbox: VirtSandbox, exit: ProcessExit): void {
    void sandbox.keep();
    this.#context.events.publish(taskExited, { id, pid: sandbox.pid, exit });
    if (id.execId === "" && id.containerId === sandbox.id) void this.#endPod(sandbox);
  }

  /** `KATA_SANDBOX_ENDED` when the container that stands for the sandbox has ended, and with it the pod. */
  #assertPod(sandbox: VirtSandbox, container: string): void {
    const own = sandbox.containers.get(sandbox.id);
    const ended = own === undefined ? !this.#creating.has(sandbox.id) : own.init.exit !== undefined;
    if (ended) throw handlerErrors.KATA_SANDBOX_ENDED({ container, sandbox: sandbox.id });
  }

  /** Ends the pod's other containers after the one that stands for it: nothing of a pod outlives that. */
  async #endPod(sandbox: VirtSandbox): Promise<void> {
    for (const { id, init } of sandbox.containers.values()) {
      if (!sandbox.running || !init.machine.can("exit")) continue;
      await init.signal(forcedEnd, true).catch((error: unknown) => {
        sandbox.env.log.warn("a container could not be ended with its pod", { container: id, error });
      });
    }
  }

  async #recover(sandboxId: string): Promise<RecoveredSandbox> {
    if (this.#sandboxes.has(sandboxId)) throw handlerErrors.KATA_SANDBOX_HERE({ sandbox: sandboxId });
    const sandbox = await recover(this.#context, sandboxId, (id, one, exit) => this.#exited(id, one, exit));
    this.#sandboxes.set(sandboxId, sandbox);
    return { pid: sandbox.pid, containers: [...sandbox.containers.keys()] };
  }

  #sandboxOf(containerId: string): VirtSandbox | undefined {
    return [...this.#sandboxes.values()].find((sandbox) => sandbox.containers.has(containerId));
  }

  #find(containerId: string): Placed {
    const sandbox = this.#sandboxOf(containerId);
    const container = sandbox?.containers.get(containerId);
    if (sandbox && container) return { sandbox, container };
    const there = [...this.#sandboxes.values()].flatMap((sandbox) => [...sandbox.containers.keys()]);
    throw handlerErrors.KATA_CONTAINER_UNKNOWN({ id: containerId, there });
  }

  #process(id: ProcessId): Process {
    return this.#find(id.containerId).container.process(id.execId);
  }

  async #endSandbox(sandbox: VirtSandbox, reason?: unknown): Promise<void> {
    try {
      await sandbox.stop(reason);
    } finally {
      sandbox.containers.clear();
      this.#sandboxes.delete(sandbox.id);
    }
  }

  async #endAll(end: (sandbox: VirtSandbox) => Promise<void>): Promise<void> {
    const errors: unknown[] = [];
    for (const sandbox of this.#sandboxes.values()) await end(sandbox).catch((error: unknown) => errors.push(error));
    this.#sandboxes.clear();
    if (errors.length > 0) throw new AggregateError(errors, "ending the sandboxes");
  }
}
