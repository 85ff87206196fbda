import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { codeOf, messageOf } from "../errors/error.js";
import type { Logger } from "../log.js";
import type { Sys } from "../sys/sys.js";
import { isPlainObject } from "./plain-object.js";
import { strangers } from "./own-file.js";
import { asState, stateProblem } from "./state-check.js";
import { stateErrors } from "./state-errors.js";
import { formatState, parseState } from "./state-text.js";
import { type SandboxState, stateVersion } from "./state.js";

/** Where a sandbox's state is kept. */
export const stateFile = (runDirectory: string): string => join(runDirectory, "state.json");

/** The largest file that is read, in bytes. Ten containers of Kubernetes have about 200 KiB. */
const largest = 64 * 2 ** 20;

/** What one sandbox is kept with. */
export interface StateFileParts {
  readonly sys: Pick<Sys, "files">;
  readonly log: Logger;
  readonly runDirectory: string;
  /** The state as it is now. */
  readonly state: () => SandboxState;
}

/**
 * Keeps a sandbox's state on disk, in `<run directory>/state.json`, mode 0600: whole at any moment, never older than the
 * last `save` that has ended. Changes that come while one is being written are written together.
 */
export class StateFile {
  readonly #parts: StateFileParts;
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #closed = false;

  constructor(parts: StateFileParts) {
    this.#parts = parts;
  }

  /**
   * Ends when the state as it is now, or a later one, is on disk. Never rejects: without room for it there is none, which is
   * logged, and the sandbox goes on; it can then only be deleted when its shim dies.
   */
  save(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (this.#writing === undefined) return this.#begin();
    this.#next ??= this.#writing.then(() => this.#begin());
    return this.#next;
  }

  /** Removes it: from now on there is nothing to recover. Waits for nothing but a write that is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#remove();
    await this.#writing;
    this.#remove();
  }

  #begin(): Promise<void> {
    this.#next = undefined;
    this.#writing = this.#write().finally(() => (this.#writing = undefined));
    return this.#writing;
  }

  async #write(): Promise<void> {
    if (this.#closed) return;
    const { sys, log, runDirectory, state } = this.#parts;
    try {
      await sys.files.writeFileAtomic(stateFile(runDirectory), formatState(state()), 0o600);
    } catch (error) {
      log.warn("the sandbox's state cannot be kept; it cannot be recovered when its shim dies", { error });
      this.#remove();
    }
  }

  #remove(): void {
    rmSync(stateFile(this.#parts.runDirectory), { force: true });
  }
}

/** The state that a run directory holds, checked; the errors are those of `stateErrors`. */
export function loadState(runDirectory: string, sandbox: { namespace: string; id: string }): SandboxState {
  const file = stateFile(runDirectory);
  const broken = (problem: string, cause?: unknown) =>
    stateErrors.KATA_RECOVER_STATE_BROKEN({ file, problem }, { cause });
  let value: unknown;
  try {
    value = parseState(readOwn(file));
  } catch (error) {
    if (error instanceof SyntaxError) throw broken(`it is not JSON: ${messageOf(error)}`, error);
    throw error;
  }
  if (!isPlainObject(value)) throw broken("it is not an object");
  const { version } = value;
  if (version !== stateVersion) {
    const shown = (JSON.stringify(version) ?? "none").slice(0, 40);
    throw stateErrors.KATA_RECOVER_STATE_VERSION({ file, version: shown, known: stateVersion });
  }
  const problem = stateProblem(value, sandbox);
  if (problem !== undefined) throw broken(problem);
  return asState(value);
}

/** Reads a regular file that only we can have written, in a directory into which only we can have put it. */
function readOwn(file: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") throw stateErrors.KATA_RECOVER_NO_STATE({ file }, { cause: error });
    if (code === "ELOOP") throw distrust(file, "it is a symbolic link", error);
    throw stateErrors.KATA_RECOVER_STATE_READ({ file }, { cause: error });
  }
  try {
    const problem = strangers(dirname(file), lstatSync(dirname(file)));
    if (problem !== undefined) throw distrust(file, problem);
    const { uid, mode, size } = fstatSync(descriptor);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw distrust(file, "it is not a regular file");
    if (uid !== process.geteuid?.()) throw distrust(file, `it belongs to the user ${uid}`);
    if ((mode & 0o077) !== 0) throw distrust(file, `its mode is ${(mode & 0o7777).toString(8)}, and must be 600`);
    if (size > largest) throw distrust(file, `it has ${size} bytes, more than ${largest}`);
    return readFileSync(descriptor, "utf8");
  } finally {
    closeSync(descriptor);
  }
}

const distrust = (file: string, problem: string, cause?: unknown): Error =>
  stateErrors.KATA_RECOVER_STATE_TRUST({ file, problem }, { cause });
