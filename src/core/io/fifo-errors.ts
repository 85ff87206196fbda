import { codeOf, type KataError, messageOf } from "../errors/error.js";
import { errnoNameOf } from "../sys/sys-error.js";
import { ioErrors } from "./errors.js";
import type { StdioStream } from "./stdio-uri.js";

/** Says what is wrong with a fifo that could not be opened, in terms of the stream it was given for. */
export function fifoOpenError(stream: StdioStream, path: string, cause: unknown): KataError {
  const problem = messageOf(cause);
  if (codeOf(cause) === "KATA_SYS_NOT_FIFO") return ioErrors.KATA_IO_NOT_FIFO({ stream, path, problem }, { cause });
  if (errnoNameOf(cause) === "ENOENT") return ioErrors.KATA_IO_MISSING({ stream, path }, { cause });
  return ioErrors.KATA_IO_OPEN({ stream, path, problem }, { cause });
}
