import { type Status, statusCodes } from "./status.js";

const brand = Symbol.for("kata-ts/error");

/** What a caller may add to an error that a table makes. */
export interface ErrorContext {
  /** What went wrong underneath; kept as `cause` and shown in `describeError`. */
  readonly cause?: unknown;
}

/**
 * An error of this project. `code` is permanent and part of the API, the message is not. `instanceof` goes by what it has: an
 * error of another copy of the library counts too, and a plugin that imports nothing of it makes one by
 * `Object.assign(new Error(message), { code: "ACME_FULL", status: "RESOURCE_EXHAUSTED" })`.
 */
export class KataError extends Error {
  readonly code: string;
  readonly status: Status;

  constructor(code: string, status: Status, message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.name = "KataError";
    this.code = code;
    this.status = status;
    Object.defineProperty(this, brand, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== "object" || value === null) return false;
    if (brand in value) return true;
    const { code, status } = value as Partial<Record<"code" | "status", unknown>>;
    return value instanceof Error && typeof code === "string" && typeof status === "string" && status in statusCodes;
  }
}

/** One row of an error table: the status it maps to and how its message is made. */
export interface ErrorRow<P> {
  readonly status: Status;
  readonly message: (parts: P) => string;
}

type ErrorTable = Record<string, ErrorRow<never>>;
type PartsOf<R> = R extends ErrorRow<infer P> ? P : never;

/** The makers of an error table: `errors.KATA_X({ ... }, { cause })` gives the error, ready to throw. */
export type ErrorMakers<T extends ErrorTable> = {
  readonly [Code in keyof T]: (parts: PartsOf<T[Code]>, context?: ErrorContext) => KataError;
};

/**
 * Turns a table of permanent codes into error makers. One table an area, in that area's `errors.ts`.
 *
 * ```ts
 * export const errors = defineErrors({
 *   KATA_FOO_MISSING: { status: "NOT_FOUND", message: (p: { path: string }) => `no foo at ${p.path}` },
 * });
 * throw errors.KATA_FOO_MISSING({ path });
 * ```
 */
export function defineErrors<T extends ErrorTable>(table: T): ErrorMakers<T> {
  const makers: Record<string, (parts: never, context?: ErrorContext) => KataError> = {};
  for (const [code, row] of Object.entries(table)) {
    makers[code] = (parts, context) => new KataError(code, row.status, row.message(parts), context);
  }
  return makers as ErrorMakers<T>;
}

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The message of an error with those of its causes and of gathered errors, on one line. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  const seen = new Set<unknown>();
  let current: unknown = error;
  while (current !== undefined && current !== null && !seen.has(current)) {
    seen.add(current);
    let text = messageOf(current);
    if (current instanceof AggregateError) text += `: ${current.errors.map(describeError).join("; ")}`;
    // Many a message ends with that of its cause already.
    if (parts.at(-1)?.endsWith(text) !== true) parts.push(text);
    current = current instanceof Error ? current.cause : undefined;
  }
  return parts.join(": ");
}

/** The `code` of an error, ours or Node's (`ENOENT`); undefined when it has none. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/**
 * The codes of an error and of its causes, outermost first, each once; not those of Node and the kernel, which are in
 * their messages. Of gathered errors those of the first.
 */
export function codesOf(error: unknown): string[] {
  const codes = new Set<string>();
  const seen = new Set<unknown>();
  let current: unknown = error;
  while (current !== undefined && current !== null && !seen.has(current)) {
    seen.add(current);
    if (current instanceof KataError) codes.add(current.code);
    if (current instanceof AggregateError) current = current.errors[0];
    else current = current instanceof Error ? current.cause : undefined;
  }
  return [...codes];
}

/** Those codes as they stand behind a message, ` [KATA_A, KATA_B]`; empty when there are none. */
export function codeSuffix(error: unknown): string {
  const codes = codesOf(error);
  return codes.length === 0 ? "" : ` [${codes.join(", ")}]`;
}

/** `describeError`, and after it the codes by which `kata-ts explain` says more: `no guest is built [KATA_GUEST_MISSING]`. */
export const describeWithCodes = (error: unknown): string => `${describeError(error)}${codeSuffix(error)}`;
