import { spawnSync } from "node:child_process";
import { projectDirectory } from "./project.js";

/** What a program said and how it ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; it has two minutes. */
export function runTool(
  command: string,
  args: readonly string[],
  cwd = projectDirectory(),
  env: NodeJS.ProcessEnv = {},
): Ended {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: "utf8",
    timeout: 120_000,
    maxBuffer: 64 << 20,
  });
  if (error) throw error;
  return { status, stdout, stderr };
}
