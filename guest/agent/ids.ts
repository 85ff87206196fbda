import { badArgument } from "./errors.js";

/** Names below `/run/kata-containers` that are not containers'. */
const reserved = new Set(["sandbox", "shared", "image"]);

const pattern = /^[A-Za-z0-9][\w.-]{0,127}$/;

/** An id of a request, checked before it becomes part of a path or a key. */
export function checkId(field: string, id: string): string {
  if (pattern.test(id)) return id;
  throw badArgument(field, id, "1 to 128 letters, digits, `_`, `.` and `-`, a letter or digit first");
}

/** As `checkId`, and not a name that the guest uses itself. */
export function checkContainerId(id: string): string {
  checkId("container_id", id);
  if (reserved.has(id)) throw badArgument("container_id", id, "an id that the guest does not use itself");
  return id;
}
