import { isAbsolute } from "node:path";
import type { Observable } from "rxjs";
import type { Message } from "../../../core/dispatch/message.js";
import {
  closeTaskIo,
  connectTask,
  createTask,
  deleteTask,
  execTask,
  killTask,
  type ProcessId,
  pauseTask,
  resizeTask,
  resumeTask,
  shutdownTask,
  startTask,
  taskPids,
  taskState,
  taskStats,
  updateTask,
  waitTask,
} from "../../../core/messages/task.js";
import { ConnectResponse, DeleteResponse, type TaskDefinition } from "../../../core/proto/gen/containerd/task.js";
import { Empty } from "../../../core/proto/gen/google/protobuf/empty.js";
import type { CallContext, Implementation } from "../../../core/rpc/definition.js";
import { readBundleConfig } from "./bundle.js";
import type { DeletedContainer } from "./config.js";
import { fromState, toIo, toMount, toTimestamp } from "./conversions.js";
import { taskErrors } from "./errors.js";
import { readProcess, readResources } from "./oci-payload.js";
import { readRuntimeOptions } from "./runtime-options.js";
import { sendBy } from "./send.js";
import { checkSpec } from "./spec-shape.js";
import { toStatsAny } from "./stats.js";

/** What the methods need around them. */
export interface TaskMethodsParts {
  /** Sends a message to the runtime handler. */
  readonly request: <Request, Answer>(message: Message<Request, Answer>) => Observable<Answer>;
  /**
   * Whether a runtime handler was chosen, which the first Create does. Before that there is no container, and asking for
   * one must not fail with what is wrong with the configuration.
   */
  readonly ready: () => boolean;
  readonly cgroupVersion: () => 1 | 2;
  /** See `TaskServiceConfig`. */
  readonly deleted: (container: DeletedContainer) => void;
  /** Nothing is left: called once, before the Shutdown is answered. */
  readonly done: () => Promise<void>;
}

const processId = (request: { id: string; execId: string }): ProcessId => {
  // Some callers name the first process by its container.
  return { containerId: request.id, execId: request.execId === request.id ? "" : request.execId };
};

/** The methods of `containerd.task.v2.Task`: each is one message to the dispatcher, and nothing is known here of what answers. */
export function taskMethods(parts: TaskMethodsParts): Implementation<TaskDefinition> {
  const send = sendBy(parts.request);

  /** The one answer to a message about a container. */
  async function ask<Request extends { containerId: string }, Answer>(
    message: Message<Request, Answer>,
    context: CallContext,
  ): Promise<Answer> {
    if (!parts.ready()) throw taskErrors.KATA_TASK_NONE({ id: message.payload.containerId });
    return send(message, context);
  }

  const tell = async <Request extends { containerId: string }>(
    message: Message<Request, void>,
    context: CallContext,
  ): Promise<Empty> => {
    await ask(message, context);
    return Empty.fromPartial({});
  };

  return {
    async create(request, context) {
      const { id, bundle, rootfs, options, checkpoint } = request;
      if (checkpoint !== "") throw taskErrors.KATA_TASK_CHECKPOINT({ id });
      if (!isAbsolute(bundle) || bundle.includes("\0") || bundle.split("/").includes("..")) {
        throw taskErrors.KATA_TASK_BUNDLE_PATH({ id, bundle });
      }
      const chosen = readRuntimeOptions(options);
      const spec = checkSpec(`${bundle}/config.json`, readBundleConfig(bundle));
      const payload = { containerId: id, bundle, spec, rootfs: rootfs.map(toMount), io: toIo(request), ...chosen };
      return send(createTask(payload), context);
    },

    start: (request, context) => ask(startTask(processId(request)), context),

    async delete(request, context) {
      const target = processId(request);
      const isContainer = target.execId === "";
      const bundle = isContainer ? (await ask(taskState(target), context)).bundle : "";
      const { pid, exit } = await ask(deleteTask(target), context);
      const answer = { pid, exitStatus: exit.status, exitedAt: toTimestamp(exit.exitedAt) };
      if (isContainer) {
        parts.deleted({ containerId: request.id, bundle, response: DeleteResponse.encode(answer).finish() });
      }
      return answer;
    },

    async pids({ id }, context) {
      const { pids } = await ask(taskPids({ containerId: id }), context);
      return { processes: pids.map((pid) => ({ pid, info: undefined })) };
    },

    pause: ({ id }, context) => tell(pauseTask({ containerId: id }), context),
    resume: ({ id }, context) => tell(resumeTask({ containerId: id }), context),

    checkpoint({ id }) {
      throw taskErrors.KATA_TASK_CHECKPOINT({ id });
    },

    kill(request, context) {
      const { signal, all } = request;
      return tell(killTask({ ...processId(request), signal, all }), context);
    },

    exec(request, context) {
      const process = readProcess(request.spec);
      return tell(execTask({ ...processId(request), process, io: toIo(request) }), context);
    },

    resizePty(request, context) {
      const { width, height } = request;
      return tell(resizeTask({ ...processId(request), columns: width, rows: height }), context);
    },

    closeIO: (request, context) => tell(closeTaskIo({ ...processId(request), stdin: request.stdin }), context),

    update({ id, resources }, context) {
      return tell(updateTask({ containerId: id, resources: readResources(resources) }), context);
    },

    async wait(request, context) {
      const exit = await ask(waitTask(processId(request)), context);
      return { exitStatus: exit.status, exitedAt: toTimestamp(exit.exitedAt) };
    },

    async stats({ id }, context) {
      const stats = await ask(taskStats({ containerId: id }), context);
      return { stats: toStatsAny(stats, parts.cgroupVersion()) };
    },

    async state(request, context) {
      return fromState(await ask(taskState(processId(request)), context));
    },

    async connect({ id }, context) {
      const { pid } = await ask(connectTask({ containerId: id }), context);
      return ConnectResponse.fromPartial({ shimPid: process.pid, taskPid: pid });
    },

    async shutdown({ id, now }, context) {
      const done = !parts.ready() || (await ask(shutdownTask({ containerId: id, now }), context)).done;
      if (done) await parts.done();
      return Empty.fromPartial({});
    },
  };
}
