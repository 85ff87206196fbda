import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { withDeadline } from "../../src/core/deadline.js";

/** A program that is talked with: its input stays open, and its output, of both streams, is waited for. */
export class Dialogue {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #output = "";
  #seen = 0;
  #heard: () => void = () => undefined;

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: "pipe" });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
        this.#heard();
      });
    }
    this.#child.stdin?.on("error", () => undefined);
    this.#ended = once(this.#child, "close");
    this.#ended.catch(() => undefined);
    void this.#ended.then(() => this.#heard());
  }

  /** All it has written. */
  get output(): string {
    return this.#output;
  }

  say(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Ends its input. */
  finish(): void {
    this.#child.stdin?.end();
  }

  /** Waits for `wanted` behind what was seen before, and gives it with what it captures. */
  see(wanted: RegExp, ms = 30_000): Promise<RegExpExecArray> {
    const context = (): string => JSON.stringify(this.#output.slice(-1000));
    return withDeadline({ ms, what: `the output to have ${wanted}`, context }, async (signal) => {
      for (;;) {
        const found = wanted.exec(this.#output.slice(this.#seen));
        if (found !== null) {
          this.#seen += found.index + found[0].length;
          return found;
        }
        signal.throwIfAborted();
        if (this.#child.exitCode !== null && this.#child.stdout?.closed === true)
          throw new Error(`it ended without ${wanted}: ${context()}`);
        await new Promise<void>((resolve) => {
          this.#heard = resolve;
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
      }
    });
  }

  /** Waits for its end; gives its exit status. */
  async end(ms = 30_000): Promise<number | null> {
    const context = (): string => JSON.stringify(this.#output.slice(-1000));
    await withDeadline({ ms, what: "the program to end", context }, () => this.#ended);
    return this.#child.exitCode;
  }

  /** Ends it by force, if it runs. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
