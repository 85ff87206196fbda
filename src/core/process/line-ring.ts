import { StringDecoder } from "node:string_decoder";

/** Bounds of a `LineRing`. */
export interface LineRingOptions {
  /** How many lines are kept; 200 unless told. */
  readonly lines?: number;
  /** UTF-16 units kept of one line, the rest of it is dropped; 1024 unless told. */
  readonly lineLength?: number;
  /** Called with every finished line, made harmless. */
  readonly onLine?: (line: string) => void;
}

const escape = String.fromCharCode(0x1b);
const bell = String.fromCharCode(0x07);
// What firmware and kernels write to a terminal: CSI sequences, OSC strings, and the short ones.
const escapes = new RegExp(
  `${escape}(?:\\[[0-?]*[ -/]*[@-~]|\\][^${bell}${escape}]*(?:${bell}|${escape}\\\\)?|[@-Z\\\\^_cEM78=>])`,
  "g",
);
// Control characters, and the marks that turn the direction of text around: both can forge what a log shows.
const forging = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** A line that is safe to show on a terminal and in a log: no escape sequences, no control characters. */
export function sanitizeLine(line: string): string {
  return line.replace(escapes, "").replace(/\t/g, " ").replace(forging, "\ufffd").trimEnd();
}

/**
 * Keeps the last lines of an untrusted byte stream, in bounded memory whatever is written. Bytes that are not UTF-8 become
 * U+FFFD; `\r`, `\n` and both together end a line; empty lines are not kept.
 */
export class LineRing {
  readonly #kept: string[] = [];
  readonly #limit: number;
  readonly #lineLength: number;
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #decoder = new StringDecoder("utf8");
  #partial = "";
  #overlong = false;

  constructor(options: LineRingOptions = {}) {
    this.#limit = options.lines ?? 200;
    this.#lineLength = options.lineLength ?? 1024;
    this.#onLine = options.onLine;
  }

  push(chunk: Uint8Array): void {
    const text = this.#decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    let from = 0;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit !== 10 && unit !== 13) continue;
      this.#extend(text, from, at);
      this.#finish();
      from = at + 1;
    }
    this.#extend(text, from, text.length);
  }

  /** The last `count` lines, oldest first; an unfinished one is the last of them. */
  tail(count: number = this.#limit): string[] {
    const partial = sanitizeLine(this.#partial);
    const lines = partial === "" ? this.#kept : [...this.#kept, partial];
    return count <= 0 ? [] : lines.slice(-count);
  }

  #extend(text: string, from: number, to: number): void {
    const room = this.#lineLength - this.#partial.length;
    if (to - from > room) this.#overlong = true;
    this.#partial += text.slice(from, Math.min(to, from + room));
  }

  #finish(): void {
    const line = sanitizeLine(this.#partial) + (this.#overlong ? " …" : "");
    this.#partial = "";
    this.#overlong = false;
    if (line === "") return;
    this.#kept.push(line);
    if (this.#kept.length > this.#limit) this.#kept.shift();
    this.#onLine?.(line);
  }
}
