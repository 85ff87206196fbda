import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { codeOf, KataError, messageOf } from "../../errors/error.js";
import { distrust } from "../../trust.js";
import { danErrors } from "./errors.js";

/** Bytes of a file that is read, at most; one of a hundred interfaces has some 40 KiB. */
const mostBytes = 1024 * 1024;

/** A DAN file that is there. */
export interface FoundDan {
  readonly file: string;
  /** The key that names its directory and where that is written, for messages. */
  readonly asked: string;
}

/** The DAN file of a sandbox; undefined when there is none, or no directory for them (`""`). */
export function findDanFile(directory: string, sandboxId: string, asked: string): FoundDan | undefined {
  if (directory === "") return undefined;
  const file = join(directory, `${sandboxId}.json`);
  try {
    lstatSync(file);
    return { file, asked };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw danErrors.KATA_DAN_READ({ file, asked, problem: messageOf(error) }, { cause: error });
  }
}

/**
 * The text of a DAN file. Whoever writes it decides where a pod's frames go, so it must lie in its directory and belong to
 * root, or the user of this process, up to `/`; else `KATA_DAN_UNTRUSTED`.
 */
export function readDanFile({ file, asked }: FoundDan): string {
  const fail = (problem: string, cause?: unknown) => danErrors.KATA_DAN_READ({ file, asked, problem }, { cause });
  try {
    const real = realpathSync(file);
    const away = dirname(real) === realpathSync(dirname(file)) ? undefined : `it leads to ${real}`;
    const problem = away ?? distrust(real);
    if (problem !== undefined) throw danErrors.KATA_DAN_UNTRUSTED({ file, asked, problem });
    const bytes = readBounded(real, fail);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof KataError) throw error;
    if (codeOf(error) === "ERR_ENCODING_INVALID_ENCODED_DATA") {
      throw danErrors.KATA_DAN_SYNTAX({ file, reason: messageOf(error) }, { cause: error });
    }
    throw fail(messageOf(error), error);
  }
}

function readBounded(file: string, fail: (problem: string) => Error): Uint8Array {
  // A fifo that nobody writes would never be open otherwise.
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw fail("it is no file");
    if (stat.size > mostBytes) throw fail(`it has ${stat.size} bytes, and ${mostBytes} are the most`);
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}
