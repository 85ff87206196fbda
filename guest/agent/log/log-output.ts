import type { Duplex } from "node:stream";
import type { LogLevel } from "../../../src/core/log.js";

/** Bytes kept for a reader that is not there, or too slow; the oldest lines go first. */
const keptBytes = 256 * 1024;

/**
 * Where the agent's log goes: to whoever reads the log port, and as long as nobody does into memory, with what is serious
 * also on the console. Never waits: a reader that is too slow loses the oldest lines and is told how many.
 */
export class LogOutput {
  readonly #console: (line: string) => void;
  readonly #kept: string[] = [];
  #keptLength = 0;
  #dropped = 0;
  #reader: Duplex | undefined;
  #full = false;

  constructor(console: (line: string) => void) {
    this.#console = console;
  }

  write(level: LogLevel, line: string): void {
    if (this.#reader === undefined && (level === "warn" || level === "error")) this.#console(line);
    this.#keep(`${line}\n`);
    this.#flush();
  }

  /** Gives the log to a reader, what was kept first. A later reader takes the earlier one's place. */
  attach(stream: Duplex): void {
    this.#reader?.destroy();
    this.#reader = stream;
    this.#full = false;
    stream.on("error", () => stream.destroy());
    stream.on("close", () => {
      if (this.#reader === stream) this.#reader = undefined;
    });
    stream.on("drain", () => {
      this.#full = false;
      this.#flush();
    });
    // What a reader says is of no interest, but its end is.
    stream.on("end", () => stream.destroy());
    stream.resume();
    this.#flush();
  }

  #keep(line: string): void {
    this.#kept.push(line);
    this.#keptLength += line.length;
    while (this.#keptLength > keptBytes) {
      this.#keptLength -= this.#kept.shift()?.length ?? 0;
      this.#dropped += 1;
    }
  }

  #flush(): void {
    const reader = this.#reader;
    if (reader === undefined || this.#full || reader.destroyed) return;
    if (this.#dropped > 0) {
      const msg = `${this.#dropped} lines of the log were dropped`;
      this.#kept.unshift(`${JSON.stringify({ level: "WARN", msg, name: "kata-agent", source: "agent" })}\n`);
      this.#dropped = 0;
    }
    this.#full = !reader.write(this.#kept.join(""));
    this.#kept.length = 0;
    this.#keptLength = 0;
  }
}
