import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { withDeadline } from "../src/core/deadline.js";

const commandMs = 120_000;

/** Where scripts are run one after another: in a container, or in a machine of any kind. */
export interface Shell {
  /** What a script writes; an error when it fails. */
  run(script: string): Promise<string>;
  close(): Promise<void>;
}

/** A shell that is typed into and read from. It lives on between scripts, so none pays for the start of another. */
export class TypedShell {
  readonly #input: Writable;
  readonly #screen: Readable;
  #output = "";

  constructor(input: Writable, screen: Readable) {
    this.#input = input;
    this.#screen = screen.setEncoding("latin1").on("data", (text: string) => (this.#output += text));
  }

  /** All that it has written since the last script, once that has a pattern. */
  async shows(pattern: RegExp, ms: number): Promise<string> {
    const context = () => this.#output.slice(-500);
    return withDeadline({ ms, what: `${pattern} from a shell`, context }, async (signal) => {
      while (!pattern.test(this.#output)) await once(this.#screen, "data", { signal });
      return this.#output;
    });
  }

  async run(script: string): Promise<string> {
    this.#output = "";
    // Written in two parts, so that an echo of the command is not taken for its end.
    this.#input.write(`${script}\necho "<$?"">"\n`);
    const text = await this.shows(/<\d+>/, commandMs);
    const [, said = "", status] = /^([^]*)<(\d+)>/.exec(text.replaceAll("\r", "")) ?? [];
    if (status !== "0") throw new Error(`${script} ended with ${status}: ${said}`);
    return said;
  }
}
