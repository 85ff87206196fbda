import type { Service } from "../../../core/contracts/service.js";
import type { PluginContext } from "../../../core/plugin/context.js";
import { TaskDefinition } from "../../../core/proto/gen/containerd/task.js";
import { VolumesDefinition } from "../../../core/proto/gen/kata-ts/volumes.js";
import { Server } from "../../../core/rpc/server.js";
import { hostCgroupVersion } from "./cgroup-version.js";
import type { TaskServiceConfig } from "./config.js";
import { EventPublisher } from "./event-publisher.js";
import { sendBy } from "./send.js";
import { taskMethods } from "./task-methods.js";
import { type TopicEvent, translateEvents } from "./task-events.js";
import { volumeMethods } from "./volume-methods.js";

/** Milliseconds that containerd may take for the last events when the service ends. */
const flushTime = 2_000;

/**
 * containerd's task service (`containerd.task.v2.Task` over ttrpc): answers what containerd asks of its tasks, and tells it
 * what happens to them. Everything is translated to messages and from events; nothing is decided here.
 */
export class TaskService implements Service {
  readonly name = "task";
  readonly finished: Promise<void>;
  readonly #context: PluginContext;
  readonly #config: TaskServiceConfig;
  readonly #server: Server;
  readonly #publisher: EventPublisher | undefined;
  readonly #endEvents: () => void;
  #finish!: () => void;
  #releasing: Promise<void> | undefined;

  constructor(context: PluginContext, config: TaskServiceConfig) {
    const { log, events, dispatcher, roots } = context;
    this.#context = context;
    this.#config = config;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
    if (config.publisher !== undefined && config.publisher.address !== "") {
      this.#publisher = new EventPublisher({ address: config.publisher.address, namespace: config.namespace, log });
    }
    this.#endEvents = translateEvents(events, (event) => this.#publish(event));
    // containerd passes messages on to people as they are.
    this.#server = new Server({ log, codes: true });
    const ready = () => dispatcher.handled().length > 0;
    const send = sendBy((message) => dispatcher.request(message));
    this.#server.addService(VolumesDefinition, volumeMethods(send, ready));
    this.#server.addService(
      TaskDefinition,
      taskMethods({
        request: (message) => dispatcher.request(message),
        ready,
        cgroupVersion: () => hostCgroupVersion(roots.cgroup),
        deleted: (container) => config.deleted?.(container),
        done: () => this.#release(),
      }),
    );
    context.scope.defer("task service", (reason) => (reason === undefined ? this.close() : this.destroy(reason)));
  }

  async start(): Promise<void> {
    const { listen } = this.#config;
    if ("connections" in listen) listen.connections.take((connection) => this.#server.serve(connection));
    else await this.#server.listen(listen);
  }

  async close(): Promise<void> {
    this.#stopListening();
    await this.#server.close();
    this.#endEvents();
    await this.#publisher?.close(flushTime);
  }

  async destroy(reason: unknown): Promise<void> {
    this.#stopListening();
    this.#server.destroy(reason);
    this.#endEvents();
    this.#publisher?.destroy(reason);
  }

  #publish(event: TopicEvent): void {
    const { topic, containerId } = event;
    this.#context.log.debug("event", { topic, container: containerId });
    this.#publisher?.publish(event);
  }

  /** Once, however many connections say that they are done. */
  #release(): Promise<void> {
    this.#releasing ??= (async () => {
      await this.#config.release?.();
      // By then the answer has been handed to its connection, whose end `close` waits for.
      setImmediate(() => this.#finish());
    })();
    return this.#releasing;
  }

  #stopListening(): void {
    const { listen } = this.#config;
    if ("connections" in listen) listen.connections.close();
  }
}
