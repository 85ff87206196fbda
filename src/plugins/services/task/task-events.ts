import type { EventBus } from "../../../core/dispatch/event-bus.js";
import {
  execAdded,
  execStarted,
  taskCreated,
  taskDeleted,
  taskExited,
  taskOutOfMemory,
  taskPaused,
  taskResumed,
  taskStarted,
} from "../../../core/messages/events.js";
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
} from "../../../core/proto/gen/containerd/events.js";
import type { MessageType } from "../../../core/rpc/definition.js";
import { fromIo, fromMount, toTimestamp } from "./conversions.js";

/** An event in the form containerd's topics have. */
export interface TopicEvent {
  /** `/tasks/exit`, for example. */
  readonly topic: string;
  /** Bare name of the message: `containerd.events.TaskExit`. */
  readonly typeUrl: string;
  readonly value: Uint8Array;
  /** When it happened. */
  readonly at: Date;
  /** For logs: the container, and the exec when there is one. */
  readonly containerId: string;
}

const topics = {
  TaskCreate: "create",
  TaskStart: "start",
  TaskExit: "exit",
  TaskDelete: "delete",
  TaskExecAdded: "exec-added",
  TaskExecStarted: "exec-started",
  TaskOOM: "oom",
  TaskPaused: "paused",
  TaskResumed: "resumed",
} as const;

function topicEvent<T extends { containerId: string }>(
  name: keyof typeof topics,
  type: MessageType<T>,
  message: T,
): TopicEvent {
  return {
    topic: `/tasks/${topics[name]}`,
    typeUrl: `containerd.events.${name}`,
    value: type.encode(message).finish(),
    at: new Date(),
    containerId: message.containerId,
  };
}

/**
 * Hands every event of tasks to `publish`, translated, in the order in which they happened, until the function it gives is
 * called. The `id` of a deletion is empty, which means the container's first process: only containers have that event.
 */
export function translateEvents(events: EventBus, publish: (event: TopicEvent) => void): () => void {
  const name = "task service";
  const subscriptions = [
    events.subscribe(taskCreated, name, ({ containerId, bundle, rootfs, io, pid }) => {
      const message = { containerId, bundle, rootfs: rootfs.map(fromMount), io: fromIo(io), checkpoint: "", pid };
      publish(topicEvent("TaskCreate", TaskCreate, message));
    }),
    events.subscribe(taskStarted, name, ({ containerId, pid }) =>
      publish(topicEvent("TaskStart", TaskStart, { containerId, pid })),
    ),
    events.subscribe(taskExited, name, ({ id: { containerId, execId }, pid, exit }) => {
      const id = execId === "" ? containerId : execId;
      const message = { containerId, id, pid, exitStatus: exit.status, exitedAt: toTimestamp(exit.exitedAt) };
      publish(topicEvent("TaskExit", TaskExit, message));
    }),
    events.subscribe(taskDeleted, name, ({ containerId, pid, exit }) => {
      const exitedAt = toTimestamp(exit.exitedAt);
      const message = { containerId, pid, exitStatus: exit.status, exitedAt, id: "" };
      publish(topicEvent("TaskDelete", TaskDelete, message));
    }),
    events.subscribe(execAdded, name, ({ containerId, execId }) =>
      publish(topicEvent("TaskExecAdded", TaskExecAdded, { containerId, execId })),
    ),
    events.subscribe(execStarted, name, ({ containerId, execId, pid }) =>
      publish(topicEvent("TaskExecStarted", TaskExecStarted, { containerId, execId, pid })),
    ),
    events.subscribe(taskOutOfMemory, name, ({ containerId }) =>
      publish(topicEvent("TaskOOM", TaskOOM, { containerId })),
    ),
    events.subscribe(taskPaused, name, ({ containerId }) =>
      publish(topicEvent("TaskPaused", TaskPaused, { containerId })),
    ),
    events.subscribe(taskResumed, name, ({ containerId }) =>
      publish(topicEvent("TaskResumed", TaskResumed, { containerId })),
    ),
  ];
  return () => {
    for (const subscription of subscriptions) subscription.unsubscribe();
  };
}
