import { defineErrors } from "../errors/error.js";
import type { Status } from "../errors/status.js";

interface CallParts {
  /** `service/method`. */
  readonly method: string;
  readonly peer: string;
}

const answered = (status: Status) => ({
  status,
  message: (p: CallParts & { message: string }) => `${p.method} on ${p.peer}: ${p.message}`,
});

/**
 * Errors of remote calls. `KATA_RPC_<STATUS>` is what the peer answered with (or, for CANCELLED and DEADLINE_EXCEEDED,
 * what the caller's own side found); the others are of the connection.
 */
export const rpcErrors = defineErrors({
  KATA_RPC_CANCELLED: answered("CANCELLED"),
  KATA_RPC_UNKNOWN: answered("UNKNOWN"),
  KATA_RPC_INVALID_ARGUMENT: answered("INVALID_ARGUMENT"),
  KATA_RPC_DEADLINE_EXCEEDED: answered("DEADLINE_EXCEEDED"),
  KATA_RPC_NOT_FOUND: answered("NOT_FOUND"),
  KATA_RPC_ALREADY_EXISTS: answered("ALREADY_EXISTS"),
  KATA_RPC_PERMISSION_DENIED: answered("PERMISSION_DENIED"),
  KATA_RPC_RESOURCE_EXHAUSTED: answered("RESOURCE_EXHAUSTED"),
  KATA_RPC_FAILED_PRECONDITION: answered("FAILED_PRECONDITION"),
  KATA_RPC_ABORTED: answered("ABORTED"),
  KATA_RPC_OUT_OF_RANGE: answered("OUT_OF_RANGE"),
  KATA_RPC_UNIMPLEMENTED: answered("UNIMPLEMENTED"),
  KATA_RPC_INTERNAL: answered("INTERNAL"),
  KATA_RPC_UNAVAILABLE: answered("UNAVAILABLE"),
  KATA_RPC_DATA_LOSS: answered("DATA_LOSS"),

  KATA_RPC_CLOSED: {
    status: "UNAVAILABLE",
    message: (p: CallParts) => `${p.method} was not sent: the connection to ${p.peer} is closed`,
  },
  KATA_RPC_CONNECT: {
    status: "UNAVAILABLE",
    message: (p: { peer: string; address: string }) => `cannot connect to ${p.peer} at ${p.address}`,
  },
  KATA_RPC_CONNECTION_BROKEN: {
    status: "UNAVAILABLE",
    message: (p: { peer: string }) => `the connection to ${p.peer} broke`,
  },
  KATA_RPC_CONNECTION_LOST: {
    status: "UNAVAILABLE",
    message: (p: CallParts) => `${p.method}: the connection to ${p.peer} ended before the call did`,
  },
  KATA_RPC_DESTROYED: {
    status: "UNAVAILABLE",
    message: (p: { peer: string }) => `the connection to ${p.peer} was given up`,
  },
  KATA_RPC_ENCODE: {
    status: "INVALID_ARGUMENT",
    message: (p: CallParts) => `${p.method}: the message to ${p.peer} cannot be encoded`,
  },
  KATA_RPC_FRAME_INVALID: {
    status: "INVALID_ARGUMENT",
    message: (p: { peer: string; what: string }) => `${p.peer} sent something that is not ttrpc: ${p.what}`,
  },
  KATA_RPC_FRAME_TOO_LARGE: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { what: string; length: number; limit: number }) =>
      `${p.what} is ${p.length} bytes long; a ttrpc message has at most ${p.limit}`,
  },
  KATA_RPC_FRAME_TRUNCATED: {
    status: "DATA_LOSS",
    message: (p: { peer: string }) => `${p.peer} ended the connection in the middle of a message`,
  },
  KATA_RPC_LISTEN: {
    status: "UNAVAILABLE",
    message: (p: { address: string; why: string }) => `cannot listen on ${p.address}: ${p.why}`,
  },
  KATA_RPC_MALFORMED: {
    status: "DATA_LOSS",
    message: (p: CallParts) => `${p.method}: ${p.peer} sent a message that cannot be decoded`,
  },
  KATA_RPC_PROTOCOL: {
    status: "INTERNAL",
    message: (p: CallParts & { what: string }) => `${p.method}: ${p.peer} broke the protocol: ${p.what}`,
  },
  KATA_RPC_SERVICE_DUPLICATE: {
    status: "ALREADY_EXISTS",
    message: (p: { service: string }) => `the service ${p.service} is already served`,
  },
  KATA_RPC_STREAM_IDS_EXHAUSTED: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: CallParts) => `${p.method}: the connection to ${p.peer} has used every stream id; make a new one`,
  },
  KATA_RPC_STREAM_STALLED: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: CallParts & { ms: number; bytes: number }) =>
      `${p.method}: nobody took a message from ${p.peer} for ${p.ms} ms while ${p.bytes} bytes were queued`,
  },
});
