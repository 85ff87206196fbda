import { spawnSync } from "node:child_process";

/** What a timed program runs in. */
export interface ProgramPlace {
  readonly cwd?: string;
}

/** The environment of every timed program: certificates named here would be read by each start of Node. */
export const benchEnvironment: NodeJS.ProcessEnv = { ...process.env };
delete benchEnvironment["NODE_EXTRA_CA_CERTS"];

/** Runs a program to its end: the milliseconds it took, and what it wrote, which must be what is `expected`; it must end well. */
export function runProgram(
  command: string,
  args: readonly string[],
  expected: RegExp,
  { cwd = "/" }: ProgramPlace = {},
): { readonly ms: number; readonly stdout: string } {
  const begin = process.hrtime.bigint();
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env: benchEnvironment,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
  });
  const ms = Number(process.hrtime.bigint() - begin) / 1e6;
  if (error !== undefined) throw error;
  if (status !== 0 || !expected.test(stdout)) {
    throw new Error(`${command} ${args.join(" ")} ended with ${status}: ${stdout}${stderr}`);
  }
  return { ms, stdout };
}

/** The milliseconds that a program takes, see `runProgram`. */
export const programTime = (...run: Parameters<typeof runProgram>): number => runProgram(...run).ms;
