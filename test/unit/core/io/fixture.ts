import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { constants } from "node:fs";
import { withDeadline } from "../../../../src/core/deadline.js";
import { createLogger, type Logger } from "../../../../src/core/log.js";
import { createLinuxSys } from "../../../../src/core/sys/linux/index.js";
import type { OutputSink } from "../../../../src/core/io/output-sink.js";

export const sys = createLinuxSys();

/** A directory for one test, and what to call after it. */
export function workspace(): { readonly path: (name: string) => string; readonly remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), "kata-io-"));
  return { path: (name) => join(directory, name), remove: () => rmSync(directory, { recursive: true }) };
}

/** A reader of a fifo as containerd is one: plain, not holding the writing end. */
export async function fifoReader(path: string): Promise<Socket> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return adopt(handle.fd, handle, { readable: true, writable: false });
}

/** A writer of a fifo as containerd is one. */
export async function fifoWriter(path: string): Promise<Socket> {
  const handle = await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
  return adopt(handle.fd, handle, { readable: false, writable: true });
}

// A FileHandle that is collected closes its descriptor: so the stream gets one of its own.
async function adopt(fd: number, handle: { close(): Promise<void> }, way: object): Promise<Socket> {
  const own = sys.descriptors.duplicate(fd);
  await handle.close();
  return new Socket({ fd: own, ...way });
}

/** What a stream gives until its end. */
export async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Waits until `condition` holds; a failure says what was awaited. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  await withDeadline({ ms: 8000, what }, async (signal) => {
    while (!condition() && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 5));
  });
}

/** Bytes that repeat only after a long while, so that loss and disorder show. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

/** A logger whose lines can be looked at. */
export function listeningLogger(): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  return { log: createLogger((line) => lines.push(line), "trace"), lines };
}

/** A sink that keeps what it gets. */
export class CollectingSink implements OutputSink {
  readonly chunks: Buffer[] = [];
  ended = false;

  async write(chunk: Uint8Array): Promise<void> {
    this.chunks.push(Buffer.from(chunk));
  }

  end(): void {
    this.ended = true;
  }

  async close(): Promise<void> {
    this.end();
  }
}

/** The output of a process: these chunks, then the end. */
export function chunked(bytes: Buffer, size: number): () => Promise<Uint8Array | undefined> {
  let at = 0;
  return async () => {
    if (at >= bytes.length) return undefined;
    const chunk = bytes.subarray(at, at + size);
    at += chunk.length;
    return chunk;
  };
}
