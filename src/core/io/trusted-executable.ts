import { lstatSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf } from "../errors/error.js";
import { isExecutable } from "../process/find-executable.js";
import { ioErrors } from "./errors.js";

const groupOrOtherWritable = 0o022;
const sticky = 0o1000;

/** Why somebody other than root (or this process's own user) could change what `path` is; undefined when nobody can. */
function weakness(path: string): string | undefined {
  const there = lstatSync(path);
  if (there.uid !== 0 && there.uid !== process.geteuid?.()) return `${path} belongs to user ${there.uid}`;
  // In a sticky directory others may add entries, but not replace this one, which the check of the entry itself covers.
  const protectedBySticky = there.isDirectory() && (there.mode & sticky) !== 0;
  if ((there.mode & groupOrOtherWritable) !== 0 && !protectedBySticky)
    return `${path} can be written by group or others (mode ${(there.mode & 0o7777).toString(8)})`;
  return undefined;
}

/**
 * The real path of an executable that only root can change: the file and every directory above it belong to root (or to
 * the user this process runs as) and cannot be written by others. Anything else is `KATA_IO_LOGGER_UNTRUSTED`. Because
 * nobody else can change any of it, what is executed afterwards is what was checked.
 */
export function trustedExecutable(path: string): string {
  const refuse = (problem: string, cause?: unknown): never => {
    throw ioErrors.KATA_IO_LOGGER_UNTRUSTED({ path, problem }, { cause });
  };
  let problem: string | undefined;
  let real = path;
  try {
    real = realpathSync(path);
    for (let at = real; problem === undefined; at = dirname(at)) {
      problem = weakness(at);
      if (at === "/") break;
    }
    problem ??= isExecutable(real) ? undefined : `${real} is not an executable file`;
  } catch (error) {
    return refuse(messageOf(error), error);
  }
  return problem === undefined ? real : refuse(problem);
}
