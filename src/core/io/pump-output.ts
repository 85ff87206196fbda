import type { OutputSink } from "./output-sink.js";

/** What `pumpOutput` may be told. */
export interface PumpOutputOptions {
  /** Ends the copying: what is being read is dropped. */
  readonly signal?: AbortSignal;
  /** Called once when the sink fails; from then on output is read and dropped, so that the process is not held up. */
  readonly onSinkFailure?: (error: unknown) => void;
}

/**
 * Copies output to a sink until `read` gives undefined, then ends the sink. At most two chunks are in memory: while one is
 * being written the next is read, and no further. Rejects when `read` does; the sink is ended then too.
 */
export async function pumpOutput(
  read: () => Promise<Uint8Array | undefined>,
  sink: OutputSink,
  options: PumpOutputOptions = {},
): Promise<void> {
  const { signal, onSinkFailure } = options;
  let failed = false;
  const write = async (chunk: Uint8Array): Promise<void> => {
    if (failed || chunk.length === 0) return;
    try {
      await sink.write(chunk);
    } catch (error) {
      failed = true;
      if (signal?.aborted !== true) onSinkFailure?.(error);
    }
  };
  const next = (): Promise<Uint8Array | undefined> => {
    const chunk = read();
    // It is awaited only after the write before it; until then its failure would count as unhandled.
    chunk.catch(() => undefined);
    return chunk;
  };
  try {
    let pending = next();
    for (;;) {
      const chunk = await pending;
      if (chunk === undefined || signal?.aborted === true) return;
      pending = next();
      await write(chunk);
    }
  } finally {
    sink.end();
  }
}
