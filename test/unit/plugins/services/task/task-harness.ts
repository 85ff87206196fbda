import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Dispatcher } from "../../../../../src/core/dispatch/dispatcher.js";
import { EventBus } from "../../../../../src/core/dispatch/event-bus.js";
import type { RequestType } from "../../../../../src/core/dispatch/message.js";
import { silentLogger } from "../../../../../src/core/log.js";
import type { PluginContext } from "../../../../../src/core/plugin/context.js";
import { TaskDefinition } from "../../../../../src/core/proto/gen/containerd/task.js";
import { createClient } from "../../../../../src/core/rpc/client.js";
import { ClientConnection } from "../../../../../src/core/rpc/client-connection.js";
import type { Client } from "../../../../../src/core/rpc/definition.js";
import { connect } from "../../../../../src/core/rpc/connect.js";
import { Scope } from "../../../../../src/core/scope.js";
import type { TaskServiceConfig } from "../../../../../src/plugins/services/task/config.js";
import { TaskService } from "../../../../../src/plugins/services/task/task-service.js";

/** A task service on a socket of its own, a client of it, and in place of the runtime handler what `answer` is given. */
export class TaskHarness {
  readonly directory = mkdtempSync(join(tmpdir(), "task-"));
  readonly dispatcher = new Dispatcher();
  readonly events = new EventBus(silentLogger);
  readonly scope = Scope.root("test");
  /** Payloads of the messages that reached a handler, with their kinds. */
  readonly received: { kind: string; payload: unknown }[] = [];
  service!: TaskService;
  client!: Client<typeof TaskDefinition>;
  connection!: ClientConnection;

  static async start(config: Partial<TaskServiceConfig> = {}): Promise<TaskHarness> {
    const harness = new TaskHarness();
    const { dispatcher, events, scope, directory } = harness;
    const parts = { dispatcher, events, scope, log: silentLogger, roots: { cgroup: "/sys/fs/cgroup" } };
    const context = parts as Partial<PluginContext> as PluginContext;
    const path = join(directory, "task.sock");
    harness.service = new TaskService(context, { listen: { path }, namespace: "default", ...config });
    await harness.service.start();
    if (config.listen === undefined) await harness.connect(path);
    return harness;
  }

  async connect(path: string): Promise<void> {
    const socket = await connect({ path, peer: "shim", deadlineMs: 1000 });
    this.connection = new ClientConnection(socket, { peer: "shim" });
    this.client = createClient(TaskDefinition, this.connection);
  }

  /** Has messages of a kind answered by a value, an error, or what a function gives. */
  answer<Request, Answer>(
    type: RequestType<Request, Answer>,
    answer: Answer | Error | ((payload: Request) => Promise<Answer>),
  ): void {
    this.dispatcher.handle(type, "test", async (payload) => {
      this.received.push({ kind: type.kind, payload });
      if (answer instanceof Error) throw answer;
      return typeof answer === "function" ? (answer as (payload: Request) => Promise<Answer>)(payload) : answer;
    });
  }

  async stop(): Promise<void> {
    this.connection?.destroy(new Error("the test is over"));
    await this.scope.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
