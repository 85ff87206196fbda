import { realpathSync } from "node:fs";
import { messageOf } from "../errors/error.js";
import { isExecutable } from "../process/find-executable.js";
import { distrust } from "../trust.js";
import { ioErrors } from "./errors.js";

/** The real path of an executable that nobody but root, or the user of this process, can change; else `KATA_IO_LOGGER_UNTRUSTED`. */
export function trustedExecutable(path: string): string {
  let real: string;
  let problem: string | undefined;
  try {
    real = realpathSync(path);
    problem = distrust(real) ?? (isExecutable(real) ? undefined : `${real} is not an executable file`);
  } catch (error) {
    throw ioErrors.KATA_IO_LOGGER_UNTRUSTED({ path, problem: messageOf(error) }, { cause: error });
  }
  if (problem !== undefined) throw ioErrors.KATA_IO_LOGGER_UNTRUSTED({ path, problem });
  return real;
}
