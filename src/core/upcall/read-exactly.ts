import type { Readable } from "node:stream";

/** Reads that many bytes; undefined when the stream ends before they have come. Rejects with the stream's error. */
export function readExactly(stream: Readable, length: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void): void => {
      stream.off("readable", onReadable).off("end", onEnd).off("close", onEnd).off("error", onError);
      end();
    };
    const onReadable = (): void => {
      const bytes = stream.read(length) as Buffer | null;
      // At its end a stream gives what is left.
      if (bytes !== null) settle(() => resolve(bytes.length === length ? bytes : undefined));
    };
    const onEnd = (): void => settle(() => resolve(undefined));
    const onError = (error: Error): void => settle(() => reject(error));
    stream.on("readable", onReadable).on("end", onEnd).on("close", onEnd).on("error", onError);
    if (stream.destroyed || stream.readableEnded) onEnd();
    else onReadable();
  });
}
