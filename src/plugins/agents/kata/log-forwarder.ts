import type { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import type { GuestAddress } from "../../../core/contracts/guest-address.js";
import { describeError } from "../../../core/errors/error.js";
import type { Logger } from "../../../core/log.js";
import type { Sys } from "../../../core/sys/sys.js";
import { dialUntil } from "../../../core/vsock/dial-until.js";
import { parseLogLine } from "./log-record.js";

/** Bytes of the longest line taken; the rest of a longer one is dropped. */
const lineLimit = 16 * 1024;

/** Lines of one second; then reading stops until the next, and the guest's log waits or is lost in the guest. */
const linesPerSecond = 1000;

/** Milliseconds until a log connection that broke is made anew: at first, and at most. */
const leastPause = 100;
const mostPause = 5000;

/** Where a guest's log comes from and goes to. */
export interface LogForwarderParts {
  readonly sys: Pick<Sys, "vsock">;
  readonly address: GuestAddress;
  readonly port: number;
  readonly log: Logger;
}

/**
 * Writes what the guest logs into the runtime's own log, each line at its level, until `signal` aborts. Never rejects: a
 * guest without a log port costs one dial every five seconds.
 */
export async function forwardLog(parts: LogForwarderParts, signal: AbortSignal): Promise<void> {
  const { sys, address, port, log } = parts;
  let wait = leastPause;
  while (!signal.aborted) {
    try {
      const stream = await dialUntil(sys, { address, port, pauseMs: mostPause, signal });
      const lines = await copyLines(stream, log, signal);
      if (lines > 0) wait = leastPause;
    } catch (error) {
      if (signal.aborted) return;
      log.debug("the guest's log cannot be read", { error: describeError(error) });
    }
    await pause(wait, undefined, { signal, ref: false }).catch(() => undefined);
    wait = Math.min(wait * 2, mostPause);
  }
}

/** Copies lines until the stream ends, and says how many they were. */
async function copyLines(stream: Duplex, log: Logger, signal: AbortSignal): Promise<number> {
  const splitter = new LineSplitter(lineLimit);
  const stop = (): void => void stream.destroy();
  signal.addEventListener("abort", stop, { once: true });
  let count = 0;
  let second = { began: performance.now(), lines: 0 };
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      for (const line of splitter.push(piece)) {
        if (line !== "") write(log, line);
        count += 1;
        second.lines += 1;
      }
      if (second.lines < linesPerSecond) continue;
      const left = second.began + 1000 - performance.now();
      if (left > 0) await pause(left, undefined, { signal, ref: false });
      second = { began: performance.now(), lines: 0 };
    }
  } catch (error) {
    if (!signal.aborted) log.debug("the guest's log broke off", { error: describeError(error) });
  } finally {
    signal.removeEventListener("abort", stop);
    stream.destroy();
  }
  return count;
}

function write(log: Logger, line: string): void {
  const { level, message, fields } = parseLogLine(line);
  log[level](message, fields);
}

/** Cuts bytes into lines; of a line that is too long only the beginning is kept, so memory is bounded. */
export class LineSplitter {
  readonly #limit: number;
  #rest: Buffer = Buffer.alloc(0);
  #skipping = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The lines that `piece` completes. */
  push(piece: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let end = piece.indexOf(10); end !== -1; end = piece.indexOf(10, from)) {
      if (!this.#skipping) lines.push(this.#take(piece.subarray(from, end)));
      this.#skipping = false;
      from = end + 1;
    }
    if (!this.#skipping) this.#keep(piece.subarray(from), lines);
    return lines;
  }

  #take(end: Buffer): string {
    const line = Buffer.concat([this.#rest, end]).subarray(0, this.#limit);
    this.#rest = Buffer.alloc(0);
    return line.toString("utf8").trimEnd();
  }

  #keep(piece: Buffer, lines: string[]): void {
    this.#rest = Buffer.concat([this.#rest, piece]);
    if (this.#rest.length <= this.#limit) return;
    lines.push(this.#take(Buffer.alloc(0)));
    this.#skipping = true;
  }
}
