import { messageOf } from "../../../core/errors/error.js";
import type { GuestConsole } from "../../../core/hypervisor/guest-console.js";
import type { HelperProcess } from "../../../core/process/helper-process.js";
import { qemuErrors } from "./errors.js";

/** Milliseconds in which QEMU's end is awaited after a start failed: it may be the reason. */
const endTime = 500;

/** A start that failed. */
export interface FailedStart {
  readonly program: string;
  readonly kernel: string;
  /** Where the programs listen that serve cards. */
  readonly sockets: readonly string[];
  readonly child: HelperProcess;
  readonly console: GuestConsole;
}

/** The error of a failed start: QEMU's own end and words, when it ended, say more than whatever noticed it. */
export async function explainStart(error: unknown, start: FailedStart): Promise<unknown> {
  const { program, kernel, sockets, child, console } = start;
  const exit = await child.waitFor(endTime);
  const what = { program, kernel, lines: [...console.tail(5), ...child.tail(10)] };
  if (exit === undefined)
    return qemuErrors.KATA_QEMU_START({ ...what, step: messageOf(error), sockets }, { cause: error });
  const how = exit.signal === undefined ? `exit code ${exit.code}` : `signal ${exit.signal}`;
  return qemuErrors.KATA_QEMU_EXITED({ ...what, how }, { cause: error });
}
