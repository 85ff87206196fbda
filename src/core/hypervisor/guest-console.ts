import type { Duplex } from "node:stream";
import { setTimeout } from "node:timers/promises";
import type { Logger } from "../log.js";
import { LineRing } from "../process/line-ring.js";

/** Lines a second that are logged: a guest may write as many as it likes. */
const loggedPerSecond = 1000;

/** The guest's serial console: its last lines, and each in the log at level debug as long as they are not too many. */
export class GuestConsole {
  readonly #ring: LineRing;
  readonly #log: Logger;
  #drained: Promise<void> = Promise.resolve();
  #second = 0;
  #logged = 0;
  #dropped = 0;

  constructor(log: Logger) {
    this.#log = log;
    this.#ring = new LineRing({ lines: 200, lineLength: 512, onLine: (line) => this.#forward(line) });
  }

  /** Reads what comes; takes the stream. That it ends or breaks is told by whoever ended it. */
  attach(stream: Duplex): void {
    stream.on("data", (chunk: Buffer) => this.#ring.push(chunk));
    stream.on("error", () => stream.destroy());
    stream.on("end", () => stream.destroy());
    this.#drained = new Promise((resolve) => stream.once("close", () => resolve()));
  }

  /** Takes what was read elsewhere. */
  push(bytes: Uint8Array): void {
    this.#ring.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  /** Waits, `ms` at most, until all that the machine wrote before it ended was read. */
  async drain(ms: number): Promise<void> {
    await Promise.race([this.#drained, setTimeout(ms, undefined, { ref: false })]);
  }

  tail(count?: number): string[] {
    return this.#ring.tail(count);
  }

  #forward(line: string): void {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      if (this.#dropped > 0) this.#log.debug("lines of the guest's console were not logged", { lines: this.#dropped });
      [this.#second, this.#logged, this.#dropped] = [second, 0, 0];
    }
    if (this.#logged++ < loggedPerSecond) this.#log.debug(line, { source: "console" });
    else this.#dropped++;
  }
}
