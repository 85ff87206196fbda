import { constants, lstatSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf, messageOf } from "../errors/error.js";
import { ioErrors } from "./errors.js";
import type { OutputSink } from "./output-sink.js";
import type { StdioStream } from "./stdio-uri.js";
import { makeDirectories } from "../make-directories.js";

/** Why something that is there is not appended to; opening a device or a fifo would already have effects. */
function obstacle(path: string): string | undefined {
  try {
    const there = lstatSync(path);
    if (there.isSymbolicLink()) return "it is a symbolic link, which is not followed";
    return there.isFile() ? undefined : "it is not a regular file";
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** A file that output is appended to, as containerd's `file://` means it: made when missing (0644), directories too (0755). */
export class FileOutput implements OutputSink {
  readonly #file: FileHandle;
  readonly #stream: StdioStream;
  #pending: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(file: FileHandle, stream: StdioStream) {
    this.#file = file;
    this.#stream = stream;
  }

  /** Opens it for appending; `KATA_IO_FILE` when it cannot be, or is anything but a regular file. */
  static async open(stream: StdioStream, path: string): Promise<FileOutput> {
    const fail = (problem: string, cause?: unknown): Error =>
      ioErrors.KATA_IO_FILE({ stream, path, problem }, { cause });
    let file: FileHandle | undefined;
    try {
      makeDirectories(dirname(path), 0o755);
      const problem = obstacle(path);
      if (problem !== undefined) throw fail(problem);
      const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
      file = await open(path, O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_WRONLY, 0o644);
      if (!(await file.stat()).isFile()) throw fail("it is not a regular file");
      return new FileOutput(file, stream);
    } catch (error) {
      await file?.close();
      if (codeOf(error) === "KATA_IO_FILE") throw error;
      throw fail(messageOf(error), error);
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#closing !== undefined) throw ioErrors.KATA_IO_CLOSED({ stream: this.#stream });
    const written = this.#file.writeFile(chunk);
    this.#pending = written.catch(() => undefined);
    await written;
  }

  end(): void {
    void this.close().catch(() => undefined);
  }

  close(): Promise<void> {
    this.#closing ??= this.#pending.then(() => this.#file.close());
    return this.#closing;
  }
}
