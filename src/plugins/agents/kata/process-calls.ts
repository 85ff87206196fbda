import type { GuestProcess } from "../../../core/contracts/agent.js";
import { KataError, messageOf } from "../../../core/errors/error.js";
import type { AgentCall, AgentCalls } from "./calls.js";
import { agentErrors } from "./errors.js";

/** Bytes of one WriteStdin: well below a message's limit, and no long wait for who shares the connection. */
const writeLimit = 256 * 1024;

/** How agents before Kata 3.26 say that a stream is at its end; later ones answer with no bytes. */
const endOfStream = "meet eof";

type Stream = "stdout" | "stderr";

/** A process as errors name it. */
export function subjectOf({ containerId, execId }: GuestProcess): string {
  return execId === containerId || execId === ""
    ? `the container "${containerId}"`
    : `the process "${execId}" of the container "${containerId}"`;
}

/** Exit status, checked: whoever ends a process in the guest decides what it says. */
export async function waitProcess(calls: AgentCalls, process: GuestProcess, signal?: AbortSignal): Promise<number> {
  const { status } = await calls.wait(subjectOf(process), (agent, o) => agent.waitProcess({ ...process }, o), signal);
  if (status >= 0 && status <= 255) return status;
  throw agentErrors.KATA_AGENT_ANSWER({ rpc: "WaitProcess", what: `the exit status ${status}` });
}

/** Writes all of `data`, in as many requests as that takes. */
export async function writeStdin(calls: AgentCalls, process: GuestProcess, data: Uint8Array): Promise<void> {
  let rest = data;
  while (rest.length > 0) {
    const piece = rest.subarray(0, writeLimit);
    const call: AgentCall<{ len: number }> = (agent, options) => agent.writeStdin({ ...process, data: piece }, options);
    const { len } = await calls.wait(subjectOf(process), call);
    if (len === 0 || len > piece.length) {
      const what = `${len} bytes of ${piece.length} were written`;
      throw agentErrors.KATA_AGENT_ANSWER({ rpc: "WriteStdin", what });
    }
    rest = rest.subarray(len);
  }
}

/** The next 1..`max` bytes of a stream, undefined at its end. */
export async function readStream(
  calls: AgentCalls,
  stream: Stream,
  process: GuestProcess,
  max: number,
): Promise<Uint8Array | undefined> {
  const request = { ...process, len: max };
  const call: AgentCall<{ data: Uint8Array }> = (agent, options) =>
    stream === "stdout" ? agent.readStdout(request, options) : agent.readStderr(request, options);
  let data: Uint8Array;
  try {
    ({ data } = await calls.wait(subjectOf(process), call));
  } catch (error) {
    if (error instanceof KataError && messageOf(error).includes(endOfStream)) return undefined;
    throw error;
  }
  if (data.length > max) {
    const rpc = stream === "stdout" ? "ReadStdout" : "ReadStderr";
    throw agentErrors.KATA_AGENT_ANSWER({ rpc, what: `${data.length} bytes where at most ${max} were asked for` });
  }
  return data.length === 0 ? undefined : data;
}
