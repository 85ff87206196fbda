import { existsSync } from "node:fs";
import { join } from "node:path";
import { projectDirectory } from "./project.js";

/** A version of Node that the package is said to work with. */
export interface NodeProgram {
  readonly major: number;
  /** Its program; undefined when it is not on this machine. */
  readonly path: string | undefined;
}

const installed = join(projectDirectory(), "node_modules/.cache/kata-ts-nodes/node_modules");

/** Every version of Node that is promised: this one, and those that `tools/nodes.mjs` installs. */
export function nodePrograms(): NodeProgram[] {
  const own = Number(process.versions.node.split(".")[0]);
  return [20, 22, 24].map((major) => {
    if (major === own) return { major, path: process.execPath };
    const path = join(installed, `node-${major}`, "bin/node");
    return { major, path: existsSync(path) ? path : undefined };
  });
}
