import { execFile } from "node:child_process";
import { messageOf } from "../../src/core/errors/error.js";
import { imageErrors } from "./errors.js";

/** How a program is run. */
export interface CommandOptions {
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds it may take. */
  readonly ms?: number;
  /** Bytes for its standard input. */
  readonly input?: Buffer;
  /** Exit statuses besides 0 that are an answer and no failure. */
  readonly accept?: readonly number[];
}

/** Milliseconds a program may take that names no time of its own. */
const defaultPatience = 60_000;

/** Bytes of output that are taken. */
const outputLimit = 256 << 20;

/** Where programs are looked for, also for a user whose own path has no place for those of an administrator. */
const searchPath = `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`;

/** Characters of a failed program's words that go into the error. */
const tail = 1000;

/**
 * Runs a program to its end, with messages in English; its standard output. One that fails, or takes too long, is
 * `KATA_GUEST_IMAGE_COMMAND` with the last of what it said.
 */
export function runCommand(file: string, args: readonly string[], options: CommandOptions = {}): Promise<Buffer> {
  const { cwd, env, ms = defaultPatience, input, accept = [] } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      {
        ...(cwd !== undefined && { cwd }),
        env: { ...process.env, PATH: searchPath, LC_ALL: "C", ...env },
        encoding: "buffer",
        timeout: ms,
        killSignal: "SIGKILL",
        maxBuffer: outputLimit,
      },
      (error, stdout, stderr) => {
        if (error === null || (typeof error.code === "number" && accept.includes(error.code))) {
          resolve(stdout);
          return;
        }
        const output = stderr.toString("utf8").trim().slice(-tail);
        const first = messageOf(error).split("\n")[0] ?? "";
        const problem = error.killed === true ? `it did not end within ${ms} ms` : first;
        const command = [file, ...args].join(" ").slice(0, tail);
        reject(imageErrors.KATA_GUEST_IMAGE_COMMAND({ command, problem, output }, { cause: error }));
      },
    );
    // A program that ends without reading all of it says why by its status.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}
