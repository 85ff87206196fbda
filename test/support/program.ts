import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** How a program ended and what it wrote. */
export interface Finished {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a program. */
export interface RunOptions {
  /** What it reads; `/dev/null` when absent. */
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Milliseconds, after which it is killed and the promise rejects with all it wrote. */
  readonly ms?: number;
}

/** The `kata-ts` program of this build. */
export const kataTs = fileURLToPath(new URL("../../src/bin/kata-ts/main.js", import.meta.url));

/** Runs a program to its end. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const { input, ms = 120_000, cwd } = options;
  const env = { ...process.env, ...options.env };
  delete env["NODE_EXTRA_CA_CERTS"];
  const stdin = input === undefined ? "ignore" : "pipe";
  const child = spawn(command, args, { stdio: [stdin, "pipe", "pipe"], env, ...(cwd !== undefined && { cwd }) });
  const output = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${command} ${args.join(" ")} did not end in ${ms} ms\n${output.stdout}\n${output.stderr}`));
    }, ms);
    child.once("error", reject);
    child.once("close", (status, signal) => {
      clearTimeout(timer);
      resolve({ status, signal, ...output });
    });
  });
}

/** Runs `kata-ts` with these arguments. */
export function runKataTs(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return runProgram(process.execPath, [kataTs, ...args], options);
}
