import { codeSuffix, describeError, type ErrorContext, KataError } from "../errors/error.js";
import { type Status, statusCodes, statusName } from "../errors/status.js";
import type { Status as WireStatus } from "../proto/gen/ttrpc/ttrpc.js";
import { rpcErrors } from "./errors.js";

/** Characters of an error's text that are sent or kept: a peer must not fill the log, nor an error a whole frame. */
const textLimit = 8192;

const clip = (text: string): string => (text.length <= textLimit ? text : `${text.slice(0, textLimit)}…`);

/**
 * A failure as it is sent: a `KataError` keeps its status, anything else is UNKNOWN. With `codes` its message ends with those
 * of the error and its causes.
 */
export function statusOf(error: unknown, { codes = false }: { readonly codes?: boolean } = {}): WireStatus {
  const code = error instanceof KataError ? statusCodes[error.status] : statusCodes.UNKNOWN;
  return { code, message: `${clip(describeError(error))}${codes ? codeSuffix(error) : ""}`, details: [] };
}

/** A received failure as the caller gets it: `KATA_RPC_<STATUS>` with the peer's status and words. */
export function errorOf(status: WireStatus, method: string, peer: string): KataError {
  const make = rpcErrors[`KATA_RPC_${statusName(status.code)}`];
  return make({ method, peer, message: clip(status.message) });
}

/** A failure a server finds itself. Its caller puts the method and the peer before the message. */
export function refusal(status: Status, message: string, context?: ErrorContext): KataError {
  return new KataError(`KATA_RPC_${status}`, status, message, context);
}
