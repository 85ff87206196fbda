import { defineErrors } from "../../src/core/errors/error.js";

/** What the agent refuses or fails at. The host gets status and message, not the code. */
export const agentErrors = defineErrors({
  KATA_GUEST_ARGUMENT: {
    status: "INVALID_ARGUMENT",
    message: (p: { field: string; value: string; expected: string }) => `${p.field} is ${p.value}, not ${p.expected}`,
  },
  KATA_GUEST_SANDBOX_EXISTS: {
    status: "ALREADY_EXISTS",
    message: (p: { id: string }) => `the guest has its sandbox "${p.id}" already`,
  },
  KATA_GUEST_NO_SANDBOX: {
    status: "FAILED_PRECONDITION",
    message: () => "the guest has no sandbox yet: CreateSandbox comes first",
  },
  KATA_GUEST_CONTAINER_EXISTS: {
    status: "ALREADY_EXISTS",
    message: (p: { id: string }) => `there is a container "${p.id}" already`,
  },
  KATA_GUEST_CONTAINER_UNKNOWN: {
    status: "NOT_FOUND",
    message: (p: { id: string }) => `there is no container "${p.id}"`,
  },
  KATA_GUEST_CONTAINER_STATE: {
    status: "FAILED_PRECONDITION",
    message: (p: { id: string; state: string; wanted: string }) =>
      `the container "${p.id}" is ${p.state}: it cannot be ${p.wanted}`,
  },
  KATA_GUEST_PROCESS_EXISTS: {
    status: "ALREADY_EXISTS",
    message: (p: { id: string; execId: string }) => `the container "${p.id}" has a process "${p.execId}" already`,
  },
  KATA_GUEST_PROCESS_UNKNOWN: {
    status: "NOT_FOUND",
    message: (p: { id: string; execId: string }) => `the container "${p.id}" has no process "${p.execId}"`,
  },
  KATA_GUEST_PROCESS_ENDED: {
    status: "NOT_FOUND",
    message: (p: { id: string; execId: string }) =>
      `ESRCH: the process "${p.execId}" of the container "${p.id}" has ended`,
  },
  KATA_GUEST_NO_TERMINAL: {
    status: "FAILED_PRECONDITION",
    message: (p: { id: string; execId: string }) =>
      `the process "${p.execId}" of the container "${p.id}" has no terminal`,
  },
  KATA_GUEST_STDIN_CLOSED: {
    status: "FAILED_PRECONDITION",
    message: (p: { id: string; execId: string }) =>
      `the standard input of the process "${p.execId}" of the container "${p.id}" is closed`,
  },
  KATA_GUEST_PROGRAM: {
    status: "INTERNAL",
    message: (p: { program: string; how: string; output: string }) =>
      `${p.program} ${p.how}${p.output === "" ? "" : `: ${p.output}`}`,
  },
  KATA_GUEST_COMMAND: {
    status: "INVALID_ARGUMENT",
    message: (p: { problem: string }) => `the process cannot be run: ${p.problem}`,
  },
  KATA_GUEST_DEVICE_ABSENT: {
    status: "NOT_FOUND",
    message: (p: { device: string; ms: number }) => `the guest has no device ${p.device}, after ${p.ms} ms of waiting`,
  },
  KATA_GUEST_SCSI_ABSENT: {
    status: "NOT_FOUND",
    message: (p: { address: string; hosts: readonly string[]; there: readonly string[]; ms: number }) =>
      p.hosts.length === 0
        ? `the guest has no SCSI disk ${p.address}, after ${p.ms} ms of waiting: it has no controller of virtio-scsi at all`
        : `the guest has no SCSI disk ${p.address}, after ${p.ms} ms of waiting; on ${p.hosts.join(", ")} there are: ${p.there.join(", ") || "none"}`,
  },
  KATA_GUEST_CARD_ABSENT: {
    status: "NOT_FOUND",
    message: (p: { name: string; wanted: string; there: readonly string[]; ms: number }) =>
      `the guest has no network card ${p.wanted} for "${p.name}", after ${p.ms} ms of waiting; there are: ${p.there.join(", ") || "none"}`,
  },
  KATA_GUEST_LINK_UNKNOWN: {
    status: "NOT_FOUND",
    message: (p: { name: string; there: readonly string[] }) =>
      `the guest has no link "${p.name}"; there are: ${p.there.join(", ")}`,
  },
  KATA_GUEST_ROUTE: {
    status: "INTERNAL",
    message: (p: { routes: readonly string[] }) => `the guest cannot have the route ${p.routes.join(", nor ")}`,
  },
  KATA_GUEST_NO_IPTABLES: {
    status: "UNIMPLEMENTED",
    message: (p: { program: string }) => `the guest's image has no ${p.program}`,
  },
  KATA_GUEST_IPTABLES: {
    status: "INVALID_ARGUMENT",
    message: (p: { program: string; words: string }) => `${p.program} refuses the rules: ${p.words.slice(-1000)}`,
  },
  KATA_GUEST_RULES_SIZE: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { program: string; size: number; most: number }) =>
      `${p.program} prints ${p.size} bytes, and an answer has room for ${p.most}`,
  },
  KATA_GUEST_STORAGE: {
    status: "INTERNAL",
    message: (p: { driver: string; source: string; target: string }) =>
      `the storage "${p.source}" (${p.driver}) cannot be mounted at ${p.target}`,
  },
  KATA_GUEST_VOLUME_UNKNOWN: {
    status: "NOT_FOUND",
    message: (p: { path: string }) => `the guest has mounted no volume at ${p.path}`,
  },
  KATA_GUEST_VOLUME_TYPE: {
    status: "UNIMPLEMENTED",
    message: (p: { path: string; type: string; known: readonly string[] }) =>
      `the volume at ${p.path} is ${p.type}, and this agent makes larger: ${p.known.join(", ")}`,
  },
  KATA_GUEST_VOLUME_GROW: {
    status: "FAILED_PRECONDITION",
    message: (p: { path: string; bytes: string; problem: string }) =>
      `the volume at ${p.path} cannot have ${p.bytes} bytes: ${p.problem}`,
  },
  KATA_GUEST_HUGE_PAGES: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { pageBytes: number; wanted: number; made: number }) =>
      p.wanted === 0
        ? `the guest's kernel has no pages of ${p.pageBytes} bytes`
        : `the guest cannot set ${p.wanted} pages of ${p.pageBytes} bytes aside: it has memory for ${p.made}; give the machine more (default_memory)`,
  },
  KATA_GUEST_STORAGE_DRIVER: {
    status: "UNIMPLEMENTED",
    message: (p: { driver: string; there: readonly string[] }) =>
      `there is no storage driver "${p.driver}" here; there are: ${p.there.join(", ")}`,
  },
  KATA_GUEST_DEVICE_TYPE: {
    status: "UNIMPLEMENTED",
    message: (p: { type: string; there: readonly string[] }) =>
      `devices of type "${p.type}" are not known here; there are: ${p.there.join(", ")}`,
  },
  KATA_GUEST_MODULE: {
    status: "FAILED_PRECONDITION",
    message: (p: { name: string }) => `the kernel module "${p.name}" cannot be loaded`,
  },
  KATA_GUEST_NO_SWAP: {
    status: "UNIMPLEMENTED",
    message: (p: { device: string }) =>
      `the disk ${p.device} cannot be swap: the guest's kernel is built without it (CONFIG_SWAP)`,
  },
  KATA_GUEST_SWAP: {
    status: "FAILED_PRECONDITION",
    message: (p: { device: string; there: readonly string[] }) =>
      `the guest's kernel does not take the disk ${p.device} for swap; it has: ${p.there.join(", ") || "none"}`,
  },
  KATA_GUEST_FEATURE: {
    status: "UNIMPLEMENTED",
    message: (p: { feature: string }) => `this agent does not support ${p.feature}`,
  },
});

/** The error for a field of a request that is not what it should be; a long value is cut. */
export function badArgument(field: string, value: unknown, expected: string): Error {
  const text = typeof value === "bigint" ? value.toString() : (JSON.stringify(value) ?? String(value));
  return agentErrors.KATA_GUEST_ARGUMENT({
    field,
    value: text.length > 120 ? `${text.slice(0, 120)}…` : text,
    expected,
  });
}
