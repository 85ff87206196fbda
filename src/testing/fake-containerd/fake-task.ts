import { KataError } from "../../core/errors/error.js";
import type { OciLinuxResources, OciProcess } from "../../core/oci/spec.js";
import { Status } from "../../core/proto/gen/containerd/process.js";
import { TaskDefinition } from "../../core/proto/gen/containerd/task.js";
import type { Any } from "../../core/proto/gen/google/protobuf/any.js";
import type { Timestamp } from "../../core/proto/gen/google/protobuf/timestamp.js";
import { createClient } from "../../core/rpc/client.js";
import type { ClientConnection } from "../../core/rpc/client-connection.js";
import type { Client } from "../../core/rpc/definition.js";

/** Where a process reads and writes, as containerd says it: paths of fifos, or URIs; absent: nowhere. */
export interface FakeTaskIo {
  readonly stdin?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly terminal?: boolean;
}

/** How a process ended, as containerd hears it. */
export interface FakeTaskExit {
  readonly status: number;
  readonly exitedAt: Date;
}

/** What State answers. */
export interface FakeTaskState {
  readonly pid: number;
  readonly status: "unknown" | "created" | "running" | "stopped" | "paused" | "pausing";
  /** Of a process that has ended. */
  readonly exitStatus: number;
}

const statusNames = new Map<Status, FakeTaskState["status"]>([
  [Status.CREATED, "created"],
  [Status.RUNNING, "running"],
  [Status.STOPPED, "stopped"],
  [Status.PAUSED, "paused"],
  [Status.PAUSING, "pausing"],
]);

/** The io of a request: what is absent is empty. */
export const wireIo = ({ stdin = "", stdout = "", stderr = "", terminal = false }: FakeTaskIo) => {
  return { stdin, stdout, stderr, terminal };
};

const dateOf = ({ seconds, nanos }: Timestamp): Date => new Date(Number(seconds) * 1000 + nanos / 1e6);

const exitOf = ({ exitStatus, exitedAt }: { exitStatus: number; exitedAt?: Timestamp | undefined }): FakeTaskExit => {
  if (exitedAt === undefined)
    throw new KataError("KATA_FAKE", "INTERNAL", "the shim does not say when the process ended");
  return { status: exitStatus, exitedAt: dateOf(exitedAt) };
};

const anyOf = (name: string, value: object): Any => {
  const typeUrl = `types.containerd.io/opencontainers/runtime-spec/1/${name}`;
  return { typeUrl, value: new TextEncoder().encode(JSON.stringify(value)) };
};

/** A shim's connection, of which containerd opens one for each container. */
export interface ShimPeer {
  readonly client: Client<TaskDefinition>;
  readonly connection: ClientConnection;
}

/** The methods of the service by which containerd drives a shim, over a connection. */
export function shimPeer(connection: ClientConnection, namespace: string): ShimPeer {
  const client = createClient(TaskDefinition, connection);
  const metadata = { "containerd-namespace-ttrpc": namespace };
  // As containerd does it: each call says for which namespace it is.
  const methods = Object.entries(client).map(([name, call]) => [
    name,
    (request: never) => (call as (request: never, options: object) => unknown)(request, { metadata }),
  ]);
  return { client: Object.fromEntries(methods) as Client<TaskDefinition>, connection };
}

/** A process of a container as containerd has it. What the shim refuses rejects with the shim's status and message. */
export class FakeTaskProcess {
  /** The container. */
  readonly id: string;
  /** Empty for the container's first process. */
  readonly execId: string;
  protected readonly peer: ShimPeer;

  constructor(peer: ShimPeer, id: string, execId: string) {
    this.peer = peer;
    this.id = id;
    this.execId = execId;
  }

  /** Starts it; answers its pid on the host. */
  async start(): Promise<number> {
    return (await this.peer.client.start(this.#which)).pid;
  }

  /** Waits until it has ended, however long that takes. */
  async wait(): Promise<FakeTaskExit> {
    return exitOf(await this.peer.client.wait(this.#which));
  }

  async kill(signal: number, { all = false }: { readonly all?: boolean } = {}): Promise<void> {
    await this.peer.client.kill({ ...this.#which, signal, all });
  }

  async state(): Promise<FakeTaskState> {
    const { pid, status, exitStatus } = await this.peer.client.state(this.#which);
    return { pid, status: statusNames.get(status) ?? "unknown", exitStatus };
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.peer.client.resizePty({ ...this.#which, width: columns, height: rows });
  }

  /** Nobody writes to its input any more. */
  async closeInput(): Promise<void> {
    await this.peer.client.closeIO({ ...this.#which, stdin: true });
  }

  /** Has the shim forget it, which has ended; answers how. */
  async delete(): Promise<FakeTaskExit> {
    return exitOf(await this.peer.client.delete(this.#which));
  }

  get #which(): { id: string; execId: string } {
    return { id: this.id, execId: this.execId };
  }
}

/** What a task does that its containerd has to do with. */
export interface TaskOwner {
  /** The shim has deleted it: what is left of it goes. */
  deleted(task: FakeTask): Promise<void>;
}

/** A container as containerd has it, from `FakeContainerd.create` to `delete`. */
export class FakeTask extends FakeTaskProcess {
  /** Its directory, with `config.json`, `rootfs` and the fifo `log`. */
  readonly bundle: string;
  /** What the shim has answered to Create. */
  readonly pid: number;
  readonly #owner: TaskOwner;

  constructor(
    peer: ShimPeer,
    owner: TaskOwner,
    made: { readonly id: string; readonly bundle: string; readonly pid: number },
  ) {
    super(peer, made.id, "");
    this.bundle = made.bundle;
    this.pid = made.pid;
    this.#owner = owner;
  }

  /** Adds a further process, to be started by its `start`. */
  async exec(execId: string, process: OciProcess, io: FakeTaskIo = {}): Promise<FakeTaskProcess> {
    await this.peer.client.exec({ id: this.id, execId, ...wireIo(io), spec: anyOf("Process", process) });
    return new FakeTaskProcess(this.peer, this.id, execId);
  }

  async pause(): Promise<void> {
    await this.peer.client.pause({ id: this.id });
  }

  async resume(): Promise<void> {
    await this.peer.client.resume({ id: this.id });
  }

  async update(resources: OciLinuxResources): Promise<void> {
    const any = anyOf("LinuxResources", resources);
    await this.peer.client.update({ id: this.id, resources: any, annotations: {} });
  }

  /** Pids on the host that stand for it. */
  async pids(): Promise<number[]> {
    return (await this.peer.client.pids({ id: this.id })).processes.map(({ pid }) => pid);
  }

  /** Name of the message that the statistics are in: `io.containerd.cgroups.v2.Metrics`. */
  async statsType(): Promise<string> {
    return (await this.peer.client.stats({ id: this.id })).stats?.typeUrl ?? "";
  }

  /**
   * Deletes it as containerd does: refused while it runs, without asking the shim; then Delete, Shutdown, the end of its
   * connection, and the shim's `delete`.
   */
  override async delete(): Promise<FakeTaskExit> {
    const { status } = await this.state();
    if (status !== "stopped" && status !== "created") {
      const message = `the task ${this.id} must be stopped before deletion, it is ${status}`;
      throw new KataError("KATA_FAKE", "FAILED_PRECONDITION", message);
    }
    const exit = await super.delete();
    await this.#owner.deleted(this);
    return exit;
  }
}
