import { defineErrors } from "../../../core/errors/error.js";

export const taskErrors = defineErrors({
  KATA_BUNDLE_CONFIG_MISSING: {
    status: "NOT_FOUND",
    message: (p: { file: string }) => `the bundle has no config.json: ${p.file} is not there`,
  },
  KATA_BUNDLE_CONFIG_UNREADABLE: {
    status: "FAILED_PRECONDITION",
    message: (p: { file: string }) => `cannot read ${p.file}`,
  },
  KATA_BUNDLE_CONFIG_TOO_LARGE: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { file: string; bytes: number; limit: number }) =>
      `${p.file} has ${p.bytes} bytes; a config.json may have ${p.limit}`,
  },
  KATA_JSON_SYNTAX: {
    status: "INVALID_ARGUMENT",
    message: (p: { what: string; line: number; column: number; problem: string }) =>
      `${p.what} is not JSON: line ${p.line}, column ${p.column}: ${p.problem}`,
  },
  KATA_JSON_SHAPE: {
    status: "INVALID_ARGUMENT",
    message: (p: { what: string; field: string; wanted: string; found: string }) =>
      `${p.what}: ${p.field} is ${p.found}, but must be ${p.wanted}`,
  },
  KATA_TASK_BUNDLE_PATH: {
    status: "INVALID_ARGUMENT",
    message: (p: { id: string; bundle: string }) =>
      `the bundle of "${p.id}" must be an absolute path without "..", and is ${JSON.stringify(p.bundle)}`,
  },
  KATA_TASK_OPTIONS: {
    status: "INVALID_ARGUMENT",
    message: (p: { type: string; known: readonly string[] }) =>
      `the runtime options have the type ${JSON.stringify(p.type)}; this runtime takes: ${p.known.join(", ")}`,
  },
  KATA_TASK_OPTIONS_BROKEN: {
    status: "INVALID_ARGUMENT",
    message: (p: { type: string }) => `the runtime options of type ${p.type} cannot be decoded`,
  },
  KATA_TASK_OPTIONS_BODY: {
    status: "UNIMPLEMENTED",
    message: () =>
      "the runtime options hold a configuration (config_body); put it into a file and name that as ConfigPath instead",
  },
  KATA_TASK_NONE: {
    status: "NOT_FOUND",
    message: (p: { id: string }) => `no container "${p.id}"; none was created here yet`,
  },
  KATA_TASK_CONFIG_PATH: {
    status: "INVALID_ARGUMENT",
    message: (p: { path: string }) =>
      `the runtime options name the configuration ${JSON.stringify(p.path)}; it must be an absolute path`,
  },
  KATA_TASK_PAYLOAD: {
    status: "INVALID_ARGUMENT",
    message: (p: { what: string; type: string; wanted: string }) =>
      p.type === ""
        ? `${p.what} is missing; it is a ${p.wanted}`
        : `${p.what} has the type "${p.type}"; it must be a ${p.wanted}`,
  },
  KATA_TASK_CHECKPOINT: {
    status: "UNIMPLEMENTED",
    message: (p: { id: string }) =>
      `"${p.id}" cannot be checkpointed, nor made from a checkpoint: it runs in a virtual machine`,
  },
  KATA_TASK_LISTEN: {
    status: "UNAVAILABLE",
    message: (p: { address: string }) => `the task service cannot listen on ${p.address}`,
  },
  KATA_TASK_CLOSED: {
    status: "UNAVAILABLE",
    message: () => "the task service is closed",
  },
});
