import { defineErrors } from "../errors/error.js";

export const runtimeErrors = defineErrors({
  KATA_SANDBOX_EXISTS: {
    status: "ALREADY_EXISTS",
    message: (p: { id: string; directory: string }) =>
      `the sandbox "${p.id}" exists already: ${p.directory} is there; "kata-ts" or the shim's "delete" removes what a crash left`,
  },
  KATA_SANDBOX_ID: {
    status: "INVALID_ARGUMENT",
    message: (p: { what: string; id: string }) =>
      `${p.what} ${JSON.stringify(p.id.slice(0, 100))} is not an id: it begins with a letter or digit and has only letters, digits, "_", "." and "-", 128 at most`,
  },
  KATA_SANDBOX_DIRECTORY: {
    status: "RESOURCE_EXHAUSTED",
    message: (p: { directory: string }) => `cannot make the sandbox's directory ${p.directory}`,
  },
  KATA_RUNTIME_CLOSED: {
    status: "FAILED_PRECONDITION",
    message: () => "the runtime is closed",
  },
});

/** An id as containerd allows it; it becomes a path component. */
export function assertId(what: string, id: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(id)) throw runtimeErrors.KATA_SANDBOX_ID({ what, id });
}
