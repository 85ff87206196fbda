import { mkdtempSync, rmdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { Sys } from "../sys/sys.js";

/**
 * A pipe without a name, both ends non-blocking. Node makes socketpairs where it says pipe, which a program cannot open
 * again by `/dev/fd/N`; so this is a fifo in a private directory below `parent`, both removed before the call returns.
 */
export function anonymousPipe(sys: Sys, parent: string): { readonly read: number; readonly write: number } {
  const directory = mkdtempSync(join(parent, "pipe-"));
  const path = join(directory, "p");
  try {
    sys.fifos.create(path, 0o600);
    try {
      const read = sys.fifos.open(path, "read");
      try {
        return { read, write: sys.fifos.open(path, "write", { holdOtherEnd: false }) };
      } catch (error) {
        sys.descriptors.close(read);
        throw error;
      }
    } finally {
      unlinkSync(path);
    }
  } finally {
    rmdirSync(directory);
  }
}
