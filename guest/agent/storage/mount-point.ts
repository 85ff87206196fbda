import { badArgument } from "../errors.js";
import { type AgentRoots, containersDirectory } from "../roots.js";

/**
 * A path of a request, relative to `/run/kata-containers`, below which alone the host may have things made. Each part is
 * checked: what comes of it is resolved without following symbolic links.
 */
export function belowContainers(roots: AgentRoots, field: string, path: string): string {
  const base = `${containersDirectory(roots)}/`;
  const relative = path.startsWith(base) ? path.slice(base.length).replace(/\/+$/, "") : "";
  const parts = relative.split("/");
  if (relative === "" || path.includes("\0") || parts.some((part) => part === "" || part === "." || part === "..")) {
    throw badArgument(field, path, `a path below ${base} without "." and ".."`);
  }
  return relative;
}
