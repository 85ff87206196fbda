/**
 * Canonical status of a failure, as gRPC and ttrpc carry it (google.rpc.Code).
 * Every error of this project has one, so a service never has to guess what to answer.
 */
export const statusCodes = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
} as const;

/** Name of a canonical status. */
export type Status = keyof typeof statusCodes;

/** The name of a numeric status; an unknown number is `UNKNOWN`. */
export function statusName(code: number): Status {
  for (const [name, value] of Object.entries(statusCodes)) if (value === code) return name as Status;
  return "UNKNOWN";
}
