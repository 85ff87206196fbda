import { findExecutable, isExecutable } from "../../../core/process/find-executable.js";
import { qemuErrors } from "./errors.js";

/** Name of QEMU's program for this kind of machine. */
const programName = "qemu-system-x86_64";

/** QEMU's program: the configured one, else the first on the search path; `KATA_QEMU_MISSING` when there is none. */
export function findQemu(configured: string, where: string, searchPath?: string): string {
  const found = configured === "" ? findExecutable(programName, searchPath) : configured;
  if (found !== undefined && isExecutable(found)) return found;
  throw qemuErrors.KATA_QEMU_MISSING({ program: found ?? `${programName} in PATH`, where });
}
