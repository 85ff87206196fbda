import { defineErrors } from "../errors/error.js";

export const dispatchErrors = defineErrors({
  KATA_DISPATCH_UNHANDLED: {
    status: "UNIMPLEMENTED",
    message: (p: { kind: string; handled: readonly string[] }) =>
      `no handler answers "${p.kind}"; there are: ${p.handled.join(", ") || "none yet"}`,
  },
  KATA_DISPATCH_DUPLICATE: {
    status: "ALREADY_EXISTS",
    message: (p: { kind: string; first: string; second: string }) =>
      `"${p.kind}" is answered by ${p.first} already, so ${p.second} cannot`,
  },
});
