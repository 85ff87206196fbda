import type { ContainerdMount } from "../contracts/rootfs.js";
import type { ContainerStats } from "../contracts/container-stats.js";
import { defineRequest } from "../dispatch/message.js";
import type { OciLinuxResources, OciProcess, OciSpec } from "../oci/spec.js";

/** Life of a process as containerd's `task.Status` has it. */
export type ProcessStatus = "unknown" | "created" | "running" | "stopped" | "paused" | "pausing";

/** A container (empty `execId`) or a further process in it. */
export interface ProcessId {
  readonly containerId: string;
  readonly execId: string;
}

/** Where a process reads and writes: fifo paths, or `binary://` and `file://` URIs; absent means nowhere. Hostile. */
export interface ProcessIo {
  readonly stdin?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly terminal: boolean;
}

/** How and when a process ended. */
export interface ProcessExit {
  /** 0..255; 128 + signal when killed. */
  readonly status: number;
  readonly exitedAt: Date;
}

export interface CreateTask {
  readonly containerId: string;
  /** Absolute path of the bundle. */
  readonly bundle: string;
  /** Parsed `config.json` of the bundle. */
  readonly spec: OciSpec;
  readonly rootfs: readonly ContainerdMount[];
  readonly io: ProcessIo;
  /** `configuration.toml` named by the shim's options, if any. */
  readonly configPath?: string;
}

export interface TaskState {
  readonly id: ProcessId;
  readonly bundle: string;
  readonly pid: number;
  readonly status: ProcessStatus;
  readonly io: ProcessIo;
  readonly exit?: ProcessExit;
}

export interface DeletedProcess {
  readonly pid: number;
  readonly exit: ProcessExit;
}

/** Starts the container's sandbox when it is the first one, and creates the container. Answers the host pid. */
export const createTask = defineRequest<CreateTask, { pid: number }>("task.create");
/** Starts a created container or a further process. */
export const startTask = defineRequest<ProcessId, { pid: number }>("task.start");
/** Adds a further process to a container; it runs at `task.start`. */
export const execTask = defineRequest<ProcessId & { process: OciProcess; io: ProcessIo }, void>("task.exec");
/** Forgets a process that has ended, and releases what its container held. */
export const deleteTask = defineRequest<ProcessId, DeletedProcess>("task.delete");
export const killTask = defineRequest<ProcessId & { signal: number; all: boolean }, void>("task.kill");
/** Answers when the process has ended. */
export const waitTask = defineRequest<ProcessId, ProcessExit>("task.wait");
export const taskState = defineRequest<ProcessId, TaskState>("task.state");
/** Host pids that stand for the container. */
export const taskPids = defineRequest<{ containerId: string }, { pids: number[] }>("task.pids");
export const pauseTask = defineRequest<{ containerId: string }, void>("task.pause");
export const resumeTask = defineRequest<{ containerId: string }, void>("task.resume");
export const resizeTask = defineRequest<ProcessId & { columns: number; rows: number }, void>("task.resize");
/** Ends a process's stdin, once everything written before has been passed on. */
export const closeTaskIo = defineRequest<ProcessId & { stdin: boolean }, void>("task.close-io");
export const updateTask = defineRequest<{ containerId: string; resources: OciLinuxResources }, void>("task.update");
export const taskStats = defineRequest<{ containerId: string }, ContainerStats>("task.stats");
/** Answers the host pid of the container's task. */
export const connectTask = defineRequest<{ containerId: string }, { pid: number }>("task.connect");
/**
 * Says that containerd is done with a container. Answers whether nothing is left, so that the process may end; `now` ends
 * everything.
 */
export const shutdownTask = defineRequest<{ containerId: string; now: boolean }, { done: boolean }>("task.shutdown");
