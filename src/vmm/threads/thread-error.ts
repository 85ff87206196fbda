import { codeOf, describeError, KataError } from "../../core/errors/error.js";

/** An error as plain data: between threads errors lose their codes. */
export interface PlainError {
  readonly code: string | undefined;
  readonly status: KataError["status"];
  readonly message: string;
}

export const plainError = (error: unknown): PlainError => ({
  code: codeOf(error),
  status: error instanceof KataError ? error.status : "INTERNAL",
  message: describeError(error),
});

/** An error that has ended a thread, as one of ours when it was that: it comes with its fields, and as no more than an `Error`. */
export function endingError(error: Error): Error {
  if (error instanceof KataError || !("code" in error) || !("status" in error)) return error;
  const { code, status, message } = error;
  return typeof code === "string" ? new KataError(code, status as KataError["status"], message, error) : error;
}

/** The error that it was, as far as it is known. */
export const errorOf = ({ code, status, message }: PlainError): Error =>
  code === undefined ? new Error(message) : new KataError(code, status, message);
