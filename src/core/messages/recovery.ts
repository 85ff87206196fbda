import { defineRequest } from "../dispatch/message.js";

/** A sandbox that was taken over. */
export interface RecoveredSandbox {
  readonly pid: number;
  /** Ids of its containers. */
  readonly containers: readonly string[];
}

/**
 * Takes over a sandbox whose process was killed and whose machine lives: its containers with their stdio and their ends. When
 * that fails, everything is left as it was found.
 */
export const recoverSandbox = defineRequest<{ readonly sandboxId: string }, RecoveredSandbox>("sandbox.recover");
