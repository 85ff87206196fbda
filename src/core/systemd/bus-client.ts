import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { cgroupErrors } from "../cgroup/errors.js";
import { withDeadline } from "../deadline.js";
import { defaultPath, findExecutable } from "../process/find-executable.js";
import { sanitizeLine } from "../process/line-ring.js";
import { systemdErrors } from "./errors.js";
import { unitObject } from "./unit-path.js";

const run = promisify(execFile);

/** systemd's own client of the bus: it comes with systemd, and takes some milliseconds. */
const program = "busctl";
/** Milliseconds systemd may take to answer: a call waits for nothing but systemd itself. */
const answerTime = 10_000;
/** Bytes of an answer, at most. */
const mostBytes = 1 << 20;
const service = "org.freedesktop.systemd1";

/** Where the client is; undefined when there is none. */
export const findBusctl = (searchPath: string = process.env["PATH"] ?? defaultPath): string | undefined =>
  findExecutable(program, searchPath);

/** What asks systemd by its bus. */
export interface BusClient {
  /** Calls a method of systemd's manager. `args` are its signature and its values, as busctl(1) writes them. */
  call(method: string, ...args: readonly string[]): Promise<void>;
  /** Values of properties of a unit, in order. */
  properties(unit: string, kind: "Unit" | "Scope", names: readonly string[]): Promise<readonly unknown[]>;
}

/** How `busctl` is found and how long it may take; for tests. */
export interface BusctlOptions {
  readonly searchPath?: string;
  /** Milliseconds. */
  readonly answerMs?: number;
}

/**
 * Asks by `busctl`, one process a question. `KATA_CGROUP_SYSTEMD` where there is none, `KATA_SYSTEMD_REFUSED` with what
 * systemd said, `KATA_DEADLINE` when it says nothing.
 */
export class Busctl implements BusClient {
  readonly #options: BusctlOptions;

  constructor(options: BusctlOptions = {}) {
    this.#options = options;
  }

  async call(method: string, ...args: readonly string[]): Promise<void> {
    const [, first = ""] = args;
    await this.#ask(`${method} ${first}`, [
      "call",
      service,
      "/org/freedesktop/systemd1",
      `${service}.Manager`,
      method,
      ...args,
    ]);
  }

  async properties(unit: string, kind: "Unit" | "Scope", names: readonly string[]): Promise<readonly unknown[]> {
    const what = `${names.join(", ")} of the unit ${unit}`;
    const answer = await this.#ask(what, ["get-property", service, unitObject(unit), `${service}.${kind}`, ...names]);
    const values = answer.trimEnd().split("\n").map(valueOf);
    if (values.length === names.length && !values.includes(undefined)) return values;
    throw systemdErrors.KATA_SYSTEMD_ANSWER({ call: what, answer: answer.slice(0, 300) });
  }

  async #ask(what: string, words: readonly string[]): Promise<string> {
    const searchPath = this.#options.searchPath ?? process.env["PATH"] ?? defaultPath;
    const path = findBusctl(searchPath);
    if (path === undefined) throw cgroupErrors.KATA_CGROUP_SYSTEMD({ program, path: searchPath });
    const ms = this.#options.answerMs ?? answerTime;
    const asked = `systemd to answer ${what}`;
    const context = () => "it hangs, or the bus does; systemctl status would say so too";
    const env = { PATH: searchPath, LC_ALL: "C" };
    // Its own deadline is 25 s and would leave a process behind that waits.
    const args = ["--system", "--json=short", `--timeout=${Math.ceil(ms / 1000) + 1}`, "--", ...words];
    return withDeadline({ ms, what: asked, context }, async (signal) => {
      try {
        const options = { env, signal, killSignal: "SIGKILL", maxBuffer: mostBytes, cwd: "/" } as const;
        return (await run(path, args, options)).stdout;
      } catch (cause) {
        signal.throwIfAborted();
        throw systemdErrors.KATA_SYSTEMD_REFUSED({ call: what, answer: answerOf(cause) }, { cause });
      }
    });
  }
}

/** The value in a line of `--json=short`: `{"type":"s","data":"active"}`. */
function valueOf(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && "data" in value ? value.data : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** What busctl wrote, without "Call failed:"; or else how it ended. */
function answerOf(error: unknown): string {
  const text = error instanceof Error && "stderr" in error ? String(error.stderr) : "";
  const line = sanitizeLine(text.trim().replaceAll("\n", " ")).slice(0, 500);
  if (line !== "") return line.replace(/^Call failed: /, "");
  return error instanceof Error ? error.message.slice(0, 500) : String(error);
}
