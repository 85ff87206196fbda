import { KataError } from "../errors/error.js";
import type { Status } from "../errors/status.js";
import { errnoText } from "./errno.js";

const brand = Symbol.for("kata-ts/sys-error");

/** What a status tells a caller of a failed system call; errors not listed are INTERNAL. */
const statusOf: Readonly<Record<string, Status>> = {
  ENOENT: "NOT_FOUND",
  ESRCH: "NOT_FOUND",
  ENODEV: "NOT_FOUND",
  ENXIO: "NOT_FOUND",
  ECHILD: "NOT_FOUND",
  EEXIST: "ALREADY_EXISTS",
  EADDRINUSE: "ALREADY_EXISTS",
  EPERM: "PERMISSION_DENIED",
  EACCES: "PERMISSION_DENIED",
  EROFS: "PERMISSION_DENIED",
  EINVAL: "INVALID_ARGUMENT",
  ENAMETOOLONG: "INVALID_ARGUMENT",
  ELOOP: "INVALID_ARGUMENT",
  EXDEV: "INVALID_ARGUMENT",
  EBUSY: "FAILED_PRECONDITION",
  ENOTEMPTY: "FAILED_PRECONDITION",
  ENOTDIR: "FAILED_PRECONDITION",
  EISDIR: "FAILED_PRECONDITION",
  ENOSPC: "RESOURCE_EXHAUSTED",
  EDQUOT: "RESOURCE_EXHAUSTED",
  ENOMEM: "RESOURCE_EXHAUSTED",
  EMFILE: "RESOURCE_EXHAUSTED",
  ENFILE: "RESOURCE_EXHAUSTED",
  ENOSYS: "UNIMPLEMENTED",
  EOPNOTSUPP: "UNIMPLEMENTED",
  EAFNOSUPPORT: "UNIMPLEMENTED",
  ETIMEDOUT: "DEADLINE_EXCEEDED",
  ECONNREFUSED: "UNAVAILABLE",
  ECONNRESET: "UNAVAILABLE",
  EHOSTUNREACH: "UNAVAILABLE",
};

/** An argument of a system call, as its error shows it. */
export type CallArgument = string | number | bigint | Uint8Array | null;

function show(argument: CallArgument): string {
  if (argument instanceof Uint8Array) return `<${argument.length} bytes>`;
  return typeof argument === "string" ? JSON.stringify(argument) : String(argument);
}

/** A call the kernel refused: code `KATA_SYS_CALL`, the call with its arguments and the errno in words. */
export class SysError extends KataError {
  /** The number, as errno(3) has it here. */
  readonly errno: number;
  /** Its name: `ENOENT`. */
  readonly errnoName: string;
  /** The call: `mount`. */
  readonly syscall: string;

  /** `words` are the kernel's own, where it has more to say than the errno. */
  constructor(syscall: string, args: readonly CallArgument[], errno: number, errnoName: string, words?: string) {
    const text = errnoText(errnoName);
    const why = `${errnoName}${text && ` (${text})`}${words === undefined ? "" : `: ${words}`}`;
    super("KATA_SYS_CALL", statusOf[errnoName] ?? "INTERNAL", `${syscall}(${args.map(show).join(", ")}): ${why}`);
    this.name = "SysError";
    this.errno = errno;
    this.errnoName = errnoName;
    this.syscall = syscall;
    Object.defineProperty(this, brand, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && brand in value;
  }
}

/** The errno's name of an error of `Sys` or of Node (`ENOENT`), or undefined for any other error. */
export function errnoNameOf(error: unknown): string | undefined {
  if (error instanceof SysError) return error.errnoName;
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
