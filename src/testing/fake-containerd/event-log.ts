import { setTimeout as sleep } from "node:timers/promises";
import { withDeadline } from "../../core/deadline.js";
import { KataError } from "../../core/errors/error.js";
import {
  TaskCreate,
  TaskDelete,
  TaskExecAdded,
  TaskExecStarted,
  TaskExit,
  TaskOOM,
  TaskPaused,
  TaskResumed,
  TaskStart,
} from "../../core/proto/gen/containerd/events.js";
import type { MessageType } from "../../core/rpc/definition.js";

/** An event that containerd was told. */
export interface ContainerdEvent {
  /** `/tasks/exit`. */
  readonly topic: string;
  readonly namespace: string;
  readonly containerId: string;
  /** Of the topics that have one: the further process it is about; of an exit the container itself when it is its first. */
  readonly id?: string;
  readonly pid?: number;
  readonly exitStatus?: number;
}

/** An event as it comes: the name of its message has no prefix, or one that ends with `/`. */
export interface RawEvent {
  readonly topic: string;
  readonly namespace: string;
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

interface TaskMessage {
  readonly containerId: string;
  readonly id?: string;
  readonly execId?: string;
  readonly pid?: number;
  readonly exitStatus?: number;
}

const messages: Readonly<Record<string, MessageType<unknown>>> = {
  TaskCreate,
  TaskDelete,
  TaskExecAdded,
  TaskExecStarted,
  TaskExit,
  TaskOOM,
  TaskPaused,
  TaskResumed,
  TaskStart,
};

const refuse = (message: string): Error => new KataError("KATA_FAKE", "INVALID_ARGUMENT", message);

/** What containerd was told of tasks, oldest first. */
export class EventLog {
  readonly events: ContainerdEvent[] = [];
  readonly #watchers = new Set<() => void>();
  /** Looks for more where nothing says that there is some. */
  readonly #collect: () => void;

  constructor(collect: () => void) {
    this.#collect = collect;
  }

  /** Takes one, and refuses what containerd would not know. */
  take({ topic, namespace, typeUrl, value }: RawEvent): void {
    const message = messages[/^(?:.*\/)?containerd\.events\.(\w+)$/.exec(typeUrl)?.[1] ?? ""];
    if (message === undefined)
      throw refuse(`an event of the type ${JSON.stringify(typeUrl)}, which containerd does not know`);
    if (!topic.startsWith("/")) throw refuse(`the topic ${JSON.stringify(topic)}, which does not begin with "/"`);
    const { containerId, id = "", execId = "", pid, exitStatus } = message.decode(value) as TaskMessage;
    const which = id === "" ? execId : id;
    this.add({
      topic,
      namespace,
      containerId,
      ...(which !== "" && { id: which }),
      ...(pid !== undefined && { pid }),
      ...(exitStatus !== undefined && topic !== "/tasks/create" && { exitStatus }),
    });
  }

  add(event: ContainerdEvent): void {
    this.events.push(event);
    for (const watcher of this.#watchers) watcher();
  }

  /** The first event of a topic and a container, when it is there; `KATA_DEADLINE` after `ms`. */
  told(topic: string, containerId: string, ms: number): Promise<ContainerdEvent> {
    const context = (): string =>
      `it was told ${this.events.map((one) => `${one.topic} of ${one.containerId}`).join(", ")}`;
    const what = `containerd to be told ${topic} of ${containerId}`;
    return withDeadline({ ms, what, context }, async (signal) => {
      for (;;) {
        this.#collect();
        const found = this.events.find((one) => one.topic === topic && one.containerId === containerId);
        if (found !== undefined) return found;
        signal.throwIfAborted();
        await this.#more();
      }
    });
  }

  /** Settles when there is one more, or soon: what a program has published comes without a word. */
  async #more(): Promise<void> {
    let wake: () => void = () => undefined;
    const told = new Promise<void>((resolve) => (wake = resolve));
    this.#watchers.add(wake);
    await Promise.race([told, sleep(20)]);
    this.#watchers.delete(wake);
  }
}
