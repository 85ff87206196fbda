import { once } from "node:events";
import type { Duplex } from "node:stream";
import { withDeadline } from "../deadline.js";
import { describeError } from "../errors/error.js";
import type { Logger } from "../log.js";
import { Child, type ChildExit } from "../process/child.js";
import type { Sys } from "../sys/sys.js";
import { anonymousPipe } from "./anonymous-pipe.js";
import { ioErrors } from "./errors.js";
import type { OutputSink } from "./output-sink.js";
import { StreamWriter } from "./stream-writer.js";
import { trustedExecutable } from "./trusted-executable.js";

/** How long a logger may take, in milliseconds. */
export interface LoggerPatience {
  /** From its start to its being ready. */
  readonly readyMs: number;
  /** From the end of its input to its exit, and again from SIGTERM to SIGKILL. */
  readonly endMs: number;
}

/** What containerd allows its loggers. */
export const loggerPatience: LoggerPatience = { readyMs: 10_000, endMs: 12_000 };

/** What a logger is started with. */
export interface LoggerRequest {
  readonly path: string;
  readonly args: readonly string[];
  /** Id of the process whose output it gets, and containerd's namespace: its only environment. */
  readonly id: string;
  readonly namespace: string;
  /** Where its pipes are made, and vanish at once: a directory that only we can write. */
  readonly directory: string;
  readonly sys: Sys;
  readonly log: Logger;
  readonly patience?: LoggerPatience;
}

/** How long an exit may trail behind the end of the ready pipe that it caused. */
const exitAfterReadyMs = 100;

/**
 * A program that takes a process's output, containerd's `binary://`: descriptor 3 is stdout, 4 is stderr, 5 is written to
 * or closed by it when it is ready. The ends of both outputs tell it to finish.
 */
export class BinaryLogger {
  readonly stdout: OutputSink;
  readonly stderr: OutputSink;
  readonly #child: Child;
  readonly #patience: LoggerPatience;
  readonly #log: Logger;
  readonly #streams: readonly Duplex[];
  #closing: Promise<void> | undefined;

  private constructor(child: Child, streams: readonly [Duplex, Duplex], patience: LoggerPatience, log: Logger) {
    this.#child = child;
    this.#streams = streams;
    this.#patience = patience;
    this.#log = log;
    this.stdout = this.#sink(streams[0], "stdout");
    this.stderr = this.#sink(streams[1], "stderr");
  }

  /**
   * Starts a logger and waits until it is ready. `KATA_IO_LOGGER_UNTRUSTED` for a program that others can change,
   * `KATA_IO_LOGGER_NOT_READY` and `KATA_IO_LOGGER_ENDED` with what it said; it is ended then.
   */
  static async start(request: LoggerRequest): Promise<BinaryLogger> {
    const { sys, log, path, patience = loggerPatience } = request;
    const command = trustedExecutable(path);
    const open: number[] = [];
    const take = (fd: number): number => {
      open.splice(open.indexOf(fd), 1);
      return fd;
    };
    try {
      const pipes = [0, 1, 2].map(() => {
        const pipe = anonymousPipe(sys, request.directory);
        open.push(pipe.read, pipe.write);
        return pipe;
      });
      const [out, err, ready] = pipes as [(typeof pipes)[0], (typeof pipes)[0], (typeof pipes)[0]];
      const fds = [out.read, err.read, ready.write];
      for (const fd of fds) sys.descriptors.setNonBlocking(fd, false);
      const env = { CONTAINER_ID: request.id, CONTAINER_NAMESPACE: request.namespace };
      const child = await Child.spawn({ name: "logger", command, args: request.args, env, fds });
      for (const fd of fds) sys.descriptors.close(take(fd));
      const stream = (fd: number): Duplex => sys.descriptors.stream(take(fd), { readable: false });
      const logger = new BinaryLogger(child, [stream(out.write), stream(err.write)], patience, log);
      const readyStream = sys.descriptors.stream(take(ready.read), { writable: false });
      try {
        await logger.#awaitReady(readyStream, path);
        return logger;
      } catch (error) {
        await logger.#abandon();
        throw error;
      } finally {
        readyStream.destroy();
      }
    } finally {
      for (const fd of open) sys.descriptors.close(fd);
    }
  }

  /** Ends both outputs and waits for the program, with SIGTERM and SIGKILL after that. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #awaitReady(ready: Duplex, path: string): Promise<void> {
    const wait = { ms: this.#patience.readyMs, what: `the logger ${path} to be ready` };
    let wrote = false;
    ready.once("data", () => {
      wrote = true;
      ready.destroy();
    });
    try {
      await withDeadline(wait, (signal) => once(ready, "close", { signal }));
    } catch (error) {
      const lines = this.#child.tail(3);
      throw ioErrors.KATA_IO_LOGGER_NOT_READY({ path, ms: wait.ms, lines }, { cause: error });
    }
    if (wrote) return;
    const exit = await this.#child.waitFor(exitAfterReadyMs);
    if (exit !== undefined && exit.code !== 0)
      throw ioErrors.KATA_IO_LOGGER_ENDED({ path, how: howItEnded(exit), lines: this.#child.tail(3) });
  }

  async #abandon(): Promise<void> {
    for (const stream of this.#streams) stream.destroy();
    await this.#child.end([{ signal: "SIGKILL", ms: 5000 }]);
  }

  async #end(): Promise<void> {
    for (const stream of this.#streams) stream.destroy();
    const { endMs } = this.#patience;
    if ((await this.#child.waitFor(endMs)) !== undefined) return;
    this.#log.warn("a logger does not end with its input", { logger: this.#child.name, pid: this.#child.pid });
    const steps = [
      { signal: "SIGTERM", ms: endMs },
      { signal: "SIGKILL", ms: 5000 },
    ] as const;
    const exit = await this.#child.end(steps);
    this.#log.info("the logger was ended", { pid: this.#child.pid, how: howItEnded(exit) });
  }

  #sink(stream: Duplex, name: "stdout" | "stderr"): OutputSink {
    const writer = new StreamWriter(stream, name);
    return {
      write: (chunk) => writer.write(chunk),
      end: () => {
        stream.destroy();
      },
      close: async () => {
        await this.close().catch((error: unknown) => {
          this.#log.error("a logger could not be ended", { error: describeError(error) });
        });
      },
    };
  }
}

function howItEnded(exit: ChildExit): string {
  return exit.signal === undefined ? `exit code ${exit.code}` : exit.signal;
}
