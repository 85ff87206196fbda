import type { ChildExit } from "../../../src/core/sys/processes.js";
import { agentErrors } from "../errors.js";
import type { ProcessStreams } from "./stdio.js";

/** What a process is known by and made of. */
export interface ProcessParts {
  readonly containerId: string;
  readonly execId: string;
  readonly pid: number;
  readonly streams: ProcessStreams;
  readonly exit: Promise<ChildExit>;
  /** Called when it has ended, before anybody is told. */
  readonly onExit: () => void;
}

/** A process of a container, from its start until the host knows all of it: its end and its output. */
export class ContainerProcess {
  readonly execId: string;
  readonly streams: ProcessStreams;
  /** Settles with its exit status: 0 to 255, 128 + signal when it was killed. */
  readonly ended: Promise<number>;
  readonly #parts: ProcessParts;
  #status: number | undefined;
  #isToldEnded = false;

  constructor(parts: ProcessParts) {
    this.execId = parts.execId;
    this.streams = parts.streams;
    this.#parts = parts;
    this.ended = this.#watch();
  }

  /** Its exit status; undefined before its end. */
  get status(): number | undefined {
    return this.#status;
  }

  get hasEnded(): boolean {
    return this.#status !== undefined;
  }

  /** Whether nothing is left that the host does not know. */
  get isSettled(): boolean {
    const { stdout, stderr } = this.streams;
    return this.#isToldEnded && stdout.drained && stderr?.drained !== false;
  }

  /**
   * Its exit status, once it has ended; the answer is what the host needs to know. Who has stopped waiting by then (`signal`)
   * is not told, so that a host which comes back can ask again.
   */
  async wait(signal: AbortSignal): Promise<number> {
    const status = await untilAborted(this.ended, signal);
    this.#isToldEnded = true;
    return status;
  }

  /** Sends a signal; `KATA_GUEST_PROCESS_ENDED` when there is nobody to get it. */
  signal(signal: number): void {
    const { containerId: id, execId, pid } = this.#parts;
    // Nobody else can have its pid yet: it is reaped on this very thread, and `hasEnded` is set with that.
    if (this.hasEnded) throw agentErrors.KATA_GUEST_PROCESS_ENDED({ id, execId });
    process.kill(pid, signal);
  }

  async #watch(): Promise<number> {
    const { exitCode } = await this.#parts.exit;
    this.#status = exitCode;
    this.#parts.onExit();
    return exitCode;
  }
}

/** The value, unless the signal aborts first: then it rejects with the reason. */
function untilAborted<T>(value: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    void value.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
