import type { InputSource } from "./input-source.js";
import { chunkSize } from "./output-sink.js";

/**
 * Copies input until its end, and only then, when all of it has been taken, calls `closeStdin`. What comes while `write`
 * is busy is passed on together, up to 64 KiB a call. Rejects when `write` does, which happens when the process has gone
 * or has closed its input. Once `signal` is aborted nothing more is passed on. The source is closed in every case.
 */
export async function pumpInput(
  source: InputSource,
  write: (data: Uint8Array) => Promise<void>,
  closeStdin: () => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  try {
    for (;;) {
      const chunk = await source.read(chunkSize);
      if (signal?.aborted === true) return;
      if (chunk === undefined) break;
      await write(chunk);
    }
    await closeStdin();
  } finally {
    source.close();
  }
}
