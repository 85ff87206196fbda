import type { OciMount } from "./spec.js";

/** Whether a mount binds something that is there: by its type, or by its options alone. */
export function isBind({ type, options = [] }: Pick<OciMount, "type" | "options">): boolean {
  return type === "bind" || options.includes("bind") || options.includes("rbind");
}
