import type { ContainerdMount } from "../../../core/contracts/rootfs.js";
import type { ProcessIo, ProcessStatus, TaskState } from "../../../core/messages/task.js";
import type { Mount } from "../../../core/proto/gen/containerd/mount.js";
import { Status } from "../../../core/proto/gen/containerd/process.js";
import { StateResponse } from "../../../core/proto/gen/containerd/task.js";
import type { Timestamp } from "../../../core/proto/gen/google/protobuf/timestamp.js";

const statuses: Readonly<Record<ProcessStatus, Status>> = {
  unknown: Status.UNKNOWN,
  created: Status.CREATED,
  running: Status.RUNNING,
  stopped: Status.STOPPED,
  paused: Status.PAUSED,
  pausing: Status.PAUSING,
};

/** A moment as protobuf has it. */
export function toTimestamp(date: Date): Timestamp {
  const ms = date.getTime();
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanos: (ms - seconds * 1000) * 1_000_000 };
}

/** The io of a request; containerd writes "" for what is absent. */
export function toIo(request: { stdin: string; stdout: string; stderr: string; terminal: boolean }): ProcessIo {
  const { stdin, stdout, stderr, terminal } = request;
  return { ...(stdin && { stdin }), ...(stdout && { stdout }), ...(stderr && { stderr }), terminal };
}

/** The io of an answer. */
export function fromIo(io: ProcessIo): { stdin: string; stdout: string; stderr: string; terminal: boolean } {
  return { stdin: io.stdin ?? "", stdout: io.stdout ?? "", stderr: io.stderr ?? "", terminal: io.terminal };
}

export function toMount(mount: Mount): ContainerdMount {
  const { type, source, target, options } = mount;
  return { type, source, target, options };
}

export function fromMount(mount: ContainerdMount): Mount {
  const { type, source, target, options } = mount;
  return { type, source, target, options: [...options] };
}

/** The answer to State. A process that has not been started has no pid; its `id` is its own, the exec's or the container's. */
export function fromState(state: TaskState): StateResponse {
  const { containerId, execId } = state.id;
  return StateResponse.fromPartial({
    id: execId === "" ? containerId : execId,
    execId,
    bundle: state.bundle,
    pid: state.pid,
    status: statuses[state.status],
    ...fromIo(state.io),
    ...(state.exit && { exitStatus: state.exit.status, exitedAt: toTimestamp(state.exit.exitedAt) }),
  });
}
