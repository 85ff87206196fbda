import { defineEvent } from "../dispatch/message.js";
import type { ProcessExit, ProcessId, ProcessIo } from "./task.js";
import type { ContainerdMount } from "../contracts/rootfs.js";

/**
 * What happens to tasks, in containerd's order: create, start, then exec-added and exec-started of further processes, exit
 * of each once and after its start, delete last.
 */
export const taskCreated = defineEvent<{
  containerId: string;
  bundle: string;
  rootfs: readonly ContainerdMount[];
  io: ProcessIo;
  pid: number;
}>("task.created");
export const taskStarted = defineEvent<{ containerId: string; pid: number }>("task.started");
export const taskExited = defineEvent<{ id: ProcessId; pid: number; exit: ProcessExit }>("task.exited");
export const taskDeleted = defineEvent<{ containerId: string; pid: number; exit: ProcessExit }>("task.deleted");
export const taskOutOfMemory = defineEvent<{ containerId: string }>("task.oom");
export const taskPaused = defineEvent<{ containerId: string }>("task.paused");
export const taskResumed = defineEvent<{ containerId: string }>("task.resumed");
export const execAdded = defineEvent<ProcessId>("exec.added");
export const execStarted = defineEvent<ProcessId & { pid: number }>("exec.started");
