import { spawn } from "node:child_process";
import { defineErrors, messageOf } from "../../core/errors/error.js";
import { withDeadline } from "../../core/deadline.js";
import type { ShimName } from "../shim/layout.js";
import type { StartParameters } from "../shim/start-parameters.js";

export const startErrors = defineErrors({
  KATA_RECOVER_SHIM: {
    status: "UNAVAILABLE",
    message: (p: { program: string; problem: string }) => `${p.program} did not take the sandbox over: ${p.problem}`,
  },
});

/** Milliseconds a shim may take to say its address: an emulated guest takes some seconds to answer. */
const startTime = 120_000;

/** Starts a shim as containerd did, and gives its address; `KATA_RECOVER_SHIM` in its own words when it does not. */
export async function startShim(program: string, name: ShimName, start: StartParameters): Promise<string> {
  const { bundle, address, eventsAddress, debug } = start;
  const flags = ["-namespace", name.namespace, "-address", address, "-id", name.sandboxId];
  const child = spawn(program, [...flags, ...(debug ? ["-debug"] : []), "start"], {
    cwd: bundle,
    env: { ...process.env, TTRPC_ADDRESS: eventsAddress },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (piece: Buffer) => (said.stdout += piece.toString()));
  child.stderr.on("data", (piece: Buffer) => (said.stderr += piece.toString()));
  const refuse = (problem: string, cause?: unknown) => startErrors.KATA_RECOVER_SHIM({ program, problem }, { cause });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", (error) => reject(refuse(messageOf(error), error)));
    child.once("close", (status) => resolve(status));
  });
  const status = await withDeadline({ ms: startTime, what: `${program} to say its address` }, () => ended).catch(
    (error: unknown) => {
      child.kill("SIGKILL");
      throw error;
    },
  );
  if (status === 0 && said.stdout.startsWith("unix://")) return said.stdout;
  throw refuse(said.stderr.trim() || `it ended with the exit code ${status}`);
}
