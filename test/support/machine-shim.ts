import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { KataError } from "../../src/core/errors/error.js";
import { defaultSpec } from "../../src/core/oci/default-spec.js";
import type { OciProcess, OciSpec } from "../../src/core/oci/spec.js";
import {
  CreateTaskRequest,
  ExecProcessRequest,
  type TaskDefinition,
} from "../../src/core/proto/gen/containerd/task.js";
import type { Client } from "../../src/core/rpc/definition.js";
import { isRunning } from "../../src/core/process/identity.js";
import { SandboxRecord } from "../../src/core/sandbox/record.js";
import { EventCollector } from "./event-collector.js";
import type { LeakScope } from "./leaks.js";
import type { Finished, RunOptions } from "./program.js";
import { makeBusyboxRootfs } from "./rootfs.js";
import { type Bundle, ShimFixture } from "./shim.js";

/** containerd's side of a shim's connection. */
export type TaskClient = Client<typeof TaskDefinition>;

/** How a container differs from one that `ctr run` makes. */
export interface ContainerOptions {
  readonly annotations?: Record<string, string>;
  /** Changes the specification. */
  readonly change?: (spec: OciSpec) => OciSpec;
  /** Fields of the request that creates it. */
  readonly request?: Partial<CreateTaskRequest>;
}

const powers = ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_KILL"];
const capabilities = { bounding: powers, effective: powers, permitted: powers };

/** Lets a container at the guest's kernel: none of its files is kept from it. */
export const privileged = (spec: OciSpec): OciSpec => ({
  ...spec,
  ...(spec.process && { process: { ...spec.process, capabilities } }),
  linux: { ...spec.linux, maskedPaths: [], readonlyPaths: [] },
});

/** This build's shim with its real handler, on directories of its own: containers of busybox in machines of QEMU. */
export class MachineShim extends ShimFixture {
  /** What its shims told containerd. */
  readonly events: EventCollector;

  /** `lines` are added to the configuration, after `[hypervisor.qemu]`. */
  constructor(lines: readonly string[] = []) {
    super(["[hypervisor.qemu]", ...lines, ""].join("\n"));
    this.events = new EventCollector();
  }

  override bundle(id: string): Bundle {
    const bundle = super.bundle(id);
    if (!existsSync(join(bundle.path, "rootfs", "bin"))) makeBusyboxRootfs(join(bundle.path, "rootfs"));
    return bundle;
  }

  override async start(id: string, options: RunOptions = {}): Promise<Finished> {
    await this.events.listen();
    return super.start(id, { ...options, env: { ...options.env, TTRPC_ADDRESS: this.events.address } });
  }

  override createRequest(id: string): CreateTaskRequest {
    return CreateTaskRequest.fromPartial({
      ...super.createRequest(id),
      stdout: `file://${this.bundle(id).path}/stdout`,
      stderr: `file://${this.bundle(id).path}/stderr`,
    });
  }

  /** Writes a container's config.json. */
  specify(id: string, args: readonly string[], { annotations = {}, change }: ContainerOptions = {}): void {
    const spec = defaultSpec({ rootPath: "rootfs", args, annotations });
    this.bundle(id).configure(JSON.stringify(change === undefined ? spec : change(spec)));
  }

  /** Starts the shim of a container that is specified, or joins its pod's. */
  async connect(id: string): Promise<TaskClient> {
    const started = await this.start(id);
    if (started.status !== 0) throw new Error(started.stderr);
    return this.client(id);
  }

  /** Runs a container, in a shim of its own or in its pod's. */
  async launch(id: string, args: readonly string[], options: ContainerOptions = {}): Promise<TaskClient> {
    this.specify(id, args, options);
    const task = await this.connect(id);
    await task.create({ ...this.createRequest(id), ...options.request });
    await task.start({ id, execId: "" });
    return task;
  }

  /** What is below the run root and the sockets' directory, but for what all sandboxes share. */
  override leftovers(): string[] {
    const { run } = this.roots;
    return super.leftovers().filter((path) => path !== join(run, "kvm.json") && path !== join(run, "shared"));
  }

  /** What is there of its containers, for `expectNoLeaks`. */
  get leakScope(): LeakScope {
    const { run, sockets } = this.roots;
    return { marks: [`${this.directory}/`], directories: [join(run, this.namespace), join(run, ".shim"), sockets] };
  }

  /** What a container has written to its stdout. */
  output(id: string): string {
    return readFileSync(join(this.bundle(id).path, "stdout"), "utf8");
  }

  /** pid of a process that a sandbox's record names: `qemu`, `virtiofsd`. */
  recordedPid(sandboxId: string, name: string): number {
    const record = SandboxRecord.load(join(this.roots.run, this.namespace, sandboxId));
    const pid = record?.content.processes.find((one) => one.name === name)?.identity?.pid;
    if (pid === undefined) throw new Error(`the sandbox "${sandboxId}" has no process ${name}`);
    return pid;
  }

  /** Ends a container by SIGKILL, if it runs, and deletes it, as containerd does; its shim ends with its last one. */
  async remove(id: string): Promise<void> {
    const task = await this.client(id);
    const process = { id, execId: "" };
    await task.kill({ ...process, signal: 9, all: true }).catch(() => undefined);
    await task.wait(process);
    await task.delete(process);
    await task.shutdown({ id, now: false });
  }

  /** Ends what a test that failed has left. */
  async clear(): Promise<void> {
    const claims = join(this.roots.run, ".shim", this.namespace);
    for (const id of existsSync(claims) ? readdirSync(claims) : []) {
      const shim = this.claim(id)?.process;
      // Without its shim a sandbox is deleted as a whole.
      if (shim !== undefined && isRunning(shim)) process.kill(shim.pid, "SIGKILL");
      await this.delete(id);
    }
  }

  /** Ends what a test that failed has left, and removes everything. */
  async end(): Promise<void> {
    await this.clear();
    this.close();
  }

  override close(): void {
    this.events.close();
    super.close();
  }
}

/** A request for a further process, as powerful as its container allows, whose output is thrown away. */
export function execRequest(
  id: string,
  execId: string,
  args: readonly string[],
  more: Partial<ExecProcessRequest> = {},
): ExecProcessRequest {
  const process: OciProcess = { user: { uid: 0, gid: 0 }, cwd: "/", args: [...args], env: ["PATH=/bin"], capabilities };
  const typeUrl = "types.containerd.io/opencontainers/runtime-spec/1/Process";
  const spec = { typeUrl, value: Buffer.from(JSON.stringify(process)) };
  return ExecProcessRequest.fromPartial({ id, execId, spec, ...more });
}

/** How a call was refused. */
export interface Refusal {
  readonly status: string;
  /** Without the name of the method, which every message begins with. */
  readonly message: string;
}

/** What a call was refused with; an error when it was not. */
export async function refusal(call: Promise<unknown>): Promise<Refusal> {
  const answer = await call.then(
    (value: unknown) => ({ value }),
    (error: KataError) => ({ error }),
  );
  if (!("error" in answer)) throw new Error(`not refused, but answered with ${JSON.stringify(answer.value)}`);
  const { status, message } = answer.error;
  return { status, message: message.replace(/^[\w.]+\/\w+ on the shim: /, "") };
}
