import { defineErrors } from "../errors/error.js";

export const sandboxErrors = defineErrors({
  KATA_SANDBOX_ROLE: {
    status: "INVALID_ARGUMENT",
    message: (p: { key: string; value: string; known: readonly string[] }) =>
      `the annotation ${p.key} is ${JSON.stringify(p.value)}; it may be: ${p.known.join(", ")}`,
  },
  KATA_SANDBOX_UNNAMED: {
    status: "INVALID_ARGUMENT",
    message: (p: { id: string; keys: readonly string[] }) =>
      `the container "${p.id}" is part of a pod, but none of its annotations names the pod's sandbox: ${p.keys.join(", ")}`,
  },
  KATA_STATE: {
    status: "FAILED_PRECONDITION",
    message: (p: { what: string; action: string; state: string; allowed: readonly string[] }) =>
      `cannot ${p.action} ${p.what}: it is ${p.state}, and must be ${p.allowed.join(" or ")}`,
  },
  KATA_LIMITS_UNKNOWN: {
    status: "NOT_FOUND",
    message: (p: { id: string; there: readonly string[] }) =>
      `no limits of a container "${p.id}" to change; there are those of: ${p.there.join(", ") || "none"}`,
  },
  KATA_RESOURCE_ORDER: {
    status: "INTERNAL",
    message: (p: { name: string; missing: string }) =>
      `the resource "${p.name}" requires "${p.missing}", which is not prepared before it`,
  },
});
