import { defineEvent } from "../dispatch/message.js";

/** One timed step of a sandbox's or container's life. */
export interface Phase {
  readonly sandboxId: string;
  readonly name: string;
  /** Milliseconds since the sandbox was asked for, and how long the step took. */
  readonly startedAt: number;
  readonly ms: number;
}

/** Published when a step is done. */
export const phaseDone = defineEvent<Phase>("sandbox.phase");

/** Times steps of one sandbox and tells them to `publish`. */
export class PhaseTimer {
  readonly #sandboxId: string;
  readonly #publish: (phase: Phase) => void;
  readonly #origin = performance.now();

  constructor(sandboxId: string, publish: (phase: Phase) => void) {
    this.#sandboxId = sandboxId;
    this.#publish = publish;
  }

  /** Runs a step; it is told only when it succeeds. */
  async run<T>(name: string, step: () => Promise<T>): Promise<T> {
    const started = performance.now();
    const value = await step();
    const startedAt = started - this.#origin;
    this.#publish({ sandboxId: this.#sandboxId, name, startedAt, ms: performance.now() - started });
    return value;
  }
}
