import type { ChildExit, KillStep } from "./child.js";
import type { ProcessIdentity } from "./identity.js";

/** A process beside this one that works for a sandbox, whoever has started it. */
export interface HelperProcess {
  readonly name: string;
  readonly identity: ProcessIdentity;
  readonly pid: number;
  /** Settles once it has ended. Never rejects. */
  readonly exited: Promise<ChildExit>;
  /** How it ended; undefined while it runs. */
  readonly exit: ChildExit | undefined;
  /** The last lines it wrote, oldest first, as far as they were read here. */
  tail(count?: number): string[];
  /** Sends a signal; false when it has ended. */
  signal(signal: NodeJS.Signals): boolean;
  /** Ends it, step by step, and waits for its end; idempotent. `KATA_PROCESS_STUCK` when it survives the last step. */
  end(steps?: readonly KillStep[]): Promise<ChildExit>;
  /** How it ended, or undefined when it has not within `ms`. */
  waitFor(ms: number): Promise<ChildExit | undefined>;
}
