import { readlinkSync } from "node:fs";

/** Where a descriptor of this process or of another leads, by its path in /proc; empty when it is closed by now. */
export function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
