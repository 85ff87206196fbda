import { openSync } from "node:fs";
import type { Readable } from "node:stream";
import { describeError } from "../../src/core/errors/error.js";
import type { ChildExit } from "../../src/core/sys/processes.js";
import { OpenFlag } from "../../src/core/sys/open-flags.js";
import type { Sys } from "../../src/core/sys/sys.js";
import { agentErrors } from "./errors.js";
import type { Reaper } from "./reaper.js";

/** A program of the guest to be run to its end. */
export interface ProgramRun {
  /** Absolute path. */
  readonly file: string;
  readonly args: readonly string[];
  /** Added to the agent's own PATH. */
  readonly env?: readonly string[];
  /** Its standard input, output and error, which stay open here; without them it has none and its output is gathered. */
  readonly stdio?: readonly [number, number, number];
  /** Milliseconds after which it is killed. */
  readonly ms?: number;
}

/** Bytes of output that are kept for an error. */
const outputLimit = 4096;

const defaultTime = 60_000;
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Runs the guest's own programs: crun, modprobe. */
export class Programs {
  readonly #sys: Pick<Sys, "processes" | "descriptors">;
  readonly #reaper: Reaper;
  #nothing: number | undefined;

  constructor(sys: Pick<Sys, "processes" | "descriptors">, reaper: Reaper) {
    this.#sys = sys;
    this.#reaper = reaper;
  }

  /** A descriptor of /dev/null, kept open. */
  get nothing(): number {
    this.#nothing ??= openSync("/dev/null", OpenFlag.readWrite | OpenFlag.closeOnExec);
    return this.#nothing;
  }

  /** Runs a program; `KATA_GUEST_PROGRAM` with its last words when it does not end with code 0. */
  async run(run: ProgramRun): Promise<void> {
    const { processes, descriptors } = this.#sys;
    const pipe = run.stdio === undefined ? descriptors.pipe() : undefined;
    const fds = run.stdio ?? [this.nothing, pipe?.write ?? this.nothing, pipe?.write ?? this.nothing];
    const program = run.file.split("/").at(-1) ?? run.file;
    let pid: number;
    try {
      pid = processes.spawn({ file: run.file, args: [program, ...run.args], env: [path, ...(run.env ?? [])], fds });
    } catch (cause) {
      if (pipe !== undefined) descriptors.close(pipe.read);
      throw agentErrors.KATA_GUEST_PROGRAM({ program, how: "cannot be started", output: "" }, { cause });
    } finally {
      if (pipe !== undefined) descriptors.close(pipe.write);
    }
    const exited = this.#reaper.exit(pid);
    const output = pipe === undefined ? undefined : new LastWords(descriptors.stream(pipe.read, { writable: false }));
    const late = setTimeout(() => process.kill(pid, "SIGKILL"), run.ms ?? defaultTime);
    const exit = await exited;
    clearTimeout(late);
    if (exit.exitCode === 0) {
      output?.close();
      return;
    }
    const text = (await output?.text()) ?? "";
    throw agentErrors.KATA_GUEST_PROGRAM({ program, how: howEnded(exit), output: text });
  }
}

function howEnded(exit: ChildExit): string {
  return exit.signal === undefined ? `failed with code ${exit.exitCode}` : `was killed by signal ${exit.signal}`;
}

/** Milliseconds the output of a program that has ended may still take to arrive, when a child of it holds it open. */
const lingering = 100;

/** The end of what a program writes. */
class LastWords {
  readonly #stream: Readable;
  readonly #ended: Promise<void>;
  #text = "";

  constructor(stream: Readable) {
    this.#stream = stream;
    this.#ended = new Promise((resolve) => {
      stream.on("end", resolve).on("close", resolve);
    });
    stream.on("data", (piece: Buffer) => {
      this.#text = (this.#text + piece.toString("utf8")).slice(-outputLimit);
    });
    stream.on("error", (error) => {
      this.#text += describeError(error);
    });
  }

  async text(): Promise<string> {
    await Promise.race([this.#ended, new Promise((resolve) => setTimeout(resolve, lingering).unref())]);
    this.close();
    return this.#text.trim();
  }

  close(): void {
    this.#stream.destroy();
  }
}
