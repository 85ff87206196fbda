import type { Agent, GuestProcess } from "../contracts/agent.js";
import { describeError } from "../errors/error.js";
import type { Logger } from "../log.js";
import type { ProcessIo } from "../messages/task.js";
import type { Sys } from "../sys/sys.js";
import { BinaryLogger, type LoggerPatience } from "./binary-logger.js";
import { FifoInput } from "./fifo-input.js";
import { FifoOutput } from "./fifo-output.js";
import { FileOutput } from "./file-output.js";
import type { InputSource } from "./input-source.js";
import { chunkSize, nullSink, type OutputSink } from "./output-sink.js";
import { pumpInput } from "./pump-input.js";
import { pumpOutput } from "./pump-output.js";
import { parseStdio, type StdioTarget } from "./stdio-uri.js";

/** What opening the streams of a process needs to know. */
export interface StreamsRequest {
  readonly sys: Sys;
  readonly log: Logger;
  /** Directory of the container's bundle, which only we can write. */
  readonly bundle: string;
  readonly containerId: string;
  /** Empty for the container's first process. */
  readonly execId: string;
  /** containerd's namespace, told to loggers. */
  readonly namespace?: string;
  readonly loggerPatience?: LoggerPatience;
}

/** The calls of the agent that move a process's input and output. */
export type StreamAgent = Pick<Agent, "readStdout" | "readStderr" | "writeStdin" | "closeStdin">;

interface OpenStreams {
  readonly stdin: InputSource | undefined;
  readonly stdout: OutputSink;
  /** Absent for a terminal, which has one output. */
  readonly stderr: OutputSink | undefined;
}

/**
 * The host's ends of a process's stdio, open from its creation to its deletion, so that nothing is lost when containerd
 * goes away and comes back. Once per process: `pump`, `closeStdin` any time, `close` at last.
 */
export class ProcessStreams {
  readonly #streams: OpenStreams;
  readonly #terminal: boolean;
  readonly #log: Logger;
  readonly #abort = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(streams: OpenStreams, terminal: boolean, log: Logger) {
    this.#streams = streams;
    this.#terminal = terminal;
    this.#log = log;
  }

  /**
   * Begins to copy. Resolves when the process, and every child that holds its output, has closed it and all of it was
   * passed on; never rejects. Failures are logged: output that cannot be written is dropped, the process goes on.
   */
  async pump(agent: StreamAgent, guest: GuestProcess): Promise<void> {
    const { stdout, stderr } = this.#streams;
    void this.#pumpInput(agent, guest);
    await Promise.all([
      this.#pumpOutput("stdout", () => agent.readStdout(guest, chunkSize), stdout),
      stderr && this.#pumpOutput("stderr", () => agent.readStderr(guest, chunkSize), stderr),
    ]);
  }

  /** containerd's CloseIO: the process sees the end of its input once all that was written to the fifo was passed on. */
  closeStdin(): void {
    this.#streams.stdin?.expectEnd();
  }

  /** Stops copying, and gives back fifos, files and loggers. What a reader has not read from a fifo is its own to lose. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#abort.abort();
    const { stdin, stdout, stderr } = this.#streams;
    stdin?.close();
    await Promise.all([stdout.close(), stderr?.close()]);
  }

  async #pumpOutput(name: string, read: () => Promise<Uint8Array | undefined>, sink: OutputSink): Promise<void> {
    const { signal } = this.#abort;
    const onSinkFailure = (error: unknown): void =>
      this.#log.warn(`${name} is dropped from now on`, { error: describeError(error) });
    try {
      await pumpOutput(read, sink, { signal, onSinkFailure });
    } catch (error) {
      if (!signal.aborted) this.#log.warn(`${name} of the process broke off`, { error: describeError(error) });
    }
  }

  async #pumpInput(agent: StreamAgent, guest: GuestProcess): Promise<void> {
    const { stdin } = this.#streams;
    const { signal } = this.#abort;
    try {
      if (stdin !== undefined) {
        const write = (data: Uint8Array): Promise<void> => agent.writeStdin(guest, data);
        await pumpInput(stdin, write, () => agent.closeStdin(guest), signal);
      } else if (!this.#terminal) {
        // As if it read from /dev/null. The input of a terminal does not end.
        await agent.closeStdin(guest);
      }
    } catch (error) {
      // Also how a process looks that has ended, or has closed its input itself.
      if (!signal.aborted) this.#log.debug("stdin of the process broke off", { error: describeError(error) });
    }
  }
}

/**
 * Opens the stdio that containerd asks for: fifos, `binary://` loggers (waits until they are ready), `file://`, or nothing.
 * The texts are hostile: see `parseStdio` and the errors of each kind. When one cannot be opened all are closed again.
 */
export async function openProcessStreams(io: ProcessIo, request: StreamsRequest): Promise<ProcessStreams> {
  const { sys, containerId, execId } = request;
  const input = parseStdio("stdin", io.stdin);
  const stdoutTarget = parseStdio("stdout", io.stdout);
  const stderrTarget = io.terminal ? undefined : parseStdio("stderr", io.stderr);
  const opened: { close(): void | Promise<void> }[] = [];
  const keep = <T extends { close(): void | Promise<void> }>(one: T): T => {
    opened.push(one);
    return one;
  };
  const output = async (name: "stdout" | "stderr", target: StdioTarget): Promise<OutputSink> => {
    if (target.kind === "fifo") return keep(FifoOutput.open(sys, name, target.path));
    if (target.kind === "file") return keep(await FileOutput.open(name, target.path));
    if (target.kind === "none") return nullSink;
    const logger = keep(await startLogger(target, request));
    logger[name === "stdout" ? "stderr" : "stdout"].end();
    return logger[name];
  };
  const outputs = async (): Promise<Pick<OpenStreams, "stdout" | "stderr">> => {
    if (stdoutTarget.kind === "binary" && stderrTarget !== undefined && io.stdout === io.stderr)
      return keep(await startLogger(stdoutTarget, request));
    const stdout = await output("stdout", stdoutTarget);
    return { stdout, stderr: stderrTarget && (await output("stderr", stderrTarget)) };
  };
  try {
    const stdin =
      input.kind === "fifo" ? keep(FifoInput.open(sys, input.path, { outlivesWriters: io.terminal })) : undefined;
    const { stdout, stderr } = await outputs();
    const log = request.log.child({ container: containerId, ...(execId !== "" && { exec: execId }) });
    return new ProcessStreams({ stdin, stdout, stderr }, io.terminal, log);
  } catch (error) {
    for (const one of opened) await one.close();
    throw error;
  }
}

function startLogger(target: StdioTarget & { kind: "binary" }, request: StreamsRequest): Promise<BinaryLogger> {
  const { execId, containerId, namespace = "", bundle: directory, sys, log, loggerPatience: patience } = request;
  const id = execId === "" ? containerId : execId;
  const { path, args } = target;
  return BinaryLogger.start({ path, args, id, namespace, directory, sys, log, ...(patience && { patience }) });
}
