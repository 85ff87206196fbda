import type { ChildExit, KillStep } from "./child.js";
import { processErrors } from "./errors.js";
import type { HelperProcess } from "./helper-process.js";

/** What is ended. */
type Endable = Pick<HelperProcess, "name" | "pid" | "exited" | "signal" | "tail">;

/** Lines of its last words that an error has. */
const lastWords = 3;

/** Ends a process step by step and waits for its end; `KATA_PROCESS_STUCK` when it survives the last step. */
export async function endProcess(one: Endable, steps: readonly KillStep[]): Promise<ChildExit> {
  for (const { signal, ms } of steps) {
    one.signal(signal);
    const exit = await exitWithin(one.exited, ms);
    if (exit !== undefined) return exit;
  }
  const signals = steps.map((step) => step.signal);
  throw processErrors.KATA_PROCESS_STUCK({ name: one.name, pid: one.pid, signals, lines: one.tail(lastWords) });
}

/** How a process ended, or undefined when it has not within `ms`. */
export async function exitWithin(exited: Promise<ChildExit>, ms: number): Promise<ChildExit | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([exited, expired]);
  } finally {
    clearTimeout(timer);
  }
}
