import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { KataError } from "../../../../src/core/errors/error.js";
import { errnoNameOf } from "../../../../src/core/sys/sys-error.js";

/** Deadline of everything a test waits for. */
export const deadline = { ms: 5000, what: "the test's own step" };

/** A directory of the running test, made before it and removed after it. */
export function temporaryDirectory(): { readonly path: string } {
  const holder = { path: "" };
  beforeEach(() => {
    holder.path = mkdtempSync(join(tmpdir(), "kata-ts-sys-"));
  });
  afterEach(() => rmSync(holder.path, { recursive: true, force: true }));
  return holder;
}

/** What an action throws: the errno's name for a refused call, the code for another error, or "nothing". */
export function thrown(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return nameOf(error);
  }
  return "nothing";
}

/** `thrown` for an action that waits. */
export async function rejected(action: () => Promise<unknown>): Promise<string> {
  try {
    await action();
  } catch (error) {
    return nameOf(error);
  }
  return "nothing";
}

function nameOf(error: unknown): string {
  return errnoNameOf(error) ?? (error instanceof KataError ? error.code : String(error));
}

/** Everything a stream gives until it ends. Unlike `for await`, leaves its writing side open. */
export function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  return new Promise((resolve, reject) => {
    stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    stream.once("end", () => resolve(Buffer.concat(chunks)));
    stream.once("error", reject);
  });
}
