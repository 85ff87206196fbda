import type { GuestProcess } from "../../../core/contracts/agent.js";

/** One process's output as far as it was read. */
interface Output {
  /** Streams that somebody reads and that have not ended. */
  open: Set<"stdout" | "stderr">;
  begun: boolean;
  waiting: (() => void)[];
}

/**
 * Knows when the output of processes has been read to its end. Kata's own agent throws away what was not read of a
 * process once it was waited for: with it, waiting begins only then.
 */
export class OutputWatch {
  readonly #outputs = new Map<string, Output>();

  /** A read has been asked for. */
  reading(process: GuestProcess, stream: "stdout" | "stderr"): void {
    const output = this.#output(process);
    output.begun = true;
    output.open.add(stream);
  }

  /** A stream is at its end, or cannot be read. */
  ended(process: GuestProcess, stream: "stdout" | "stderr"): void {
    const output = this.#output(process);
    output.open.delete(stream);
    if (output.open.size === 0) for (const settle of output.waiting.splice(0)) settle();
  }

  /** Ends well when every stream that was read of the process is at its end, at least one of them. */
  async drained(process: GuestProcess): Promise<void> {
    const output = this.#output(process);
    if (output.begun && output.open.size === 0) return;
    await new Promise<void>((resolve) => output.waiting.push(resolve));
  }

  /** The container is gone: nobody waits for its processes any more. */
  forget(containerId: string): void {
    for (const [key, output] of this.#outputs) {
      if (!key.startsWith(`${containerId}/`)) continue;
      this.#outputs.delete(key);
      for (const settle of output.waiting) settle();
    }
  }

  #output({ containerId, execId }: GuestProcess): Output {
    const key = `${containerId}/${execId}`;
    let output = this.#outputs.get(key);
    if (output === undefined) {
      output = { open: new Set(), begun: false, waiting: [] };
      this.#outputs.set(key, output);
    }
    return output;
  }
}
