import { KataError } from "../../core/errors/error.js";
import { isRunning } from "../../core/process/identity.js";
import { VolumesDefinition } from "../../core/proto/gen/kata-ts/volumes.js";
import { createClient } from "../../core/rpc/client.js";
import { ClientConnection } from "../../core/rpc/client-connection.js";
import { connect } from "../../core/rpc/connect.js";
import type { Client } from "../../core/rpc/definition.js";
import { readClaim } from "../shim/claim.js";
import type { ShimRoots } from "../shim/layout.js";
import { knownSandboxes } from "../shim/leftover.js";
import { commandErrors } from "./command.js";

/** Milliseconds that a shim may take to accept a connection. */
const connectTime = 2_000;
/** Milliseconds that a guest may take to answer; emulation stretches it. */
const answerTime = 60_000;

/** What is asked of the shims, one after the other. */
type Ask<Answer> = (volumes: Client<typeof VolumesDefinition>, options: { deadlineMs: number }) => Promise<Answer>;

/**
 * Asks the shim one of whose containers has a volume. A shim that does not know it, or does not answer, is passed over;
 * `KATA_VOLUME_NOWHERE` when none has it.
 */
export async function askOfVolume<Answer>(roots: ShimRoots, source: string, ask: Ask<Answer>): Promise<Answer> {
  const silent: string[] = [];
  for (const name of knownSandboxes(roots)) {
    const claim = readClaim(roots, name);
    if (claim === undefined || !isRunning(claim.process)) continue;
    const answer = await askShim(claim.socket, ask);
    if (answer === "silent") silent.push(name.sandboxId);
    else if (answer !== "unknown") return answer.answer;
  }
  throw commandErrors.KATA_VOLUME_NOWHERE({ source, run: roots.run, silent });
}

async function askShim<Answer>(
  socketPath: string,
  ask: Ask<Answer>,
): Promise<{ answer: Answer } | "unknown" | "silent"> {
  const peer = "the shim";
  let connection: ClientConnection;
  try {
    connection = new ClientConnection(await connect({ path: socketPath, peer, deadlineMs: connectTime }), { peer });
  } catch (error) {
    if (error instanceof KataError) return "silent";
    throw error;
  }
  try {
    return { answer: await ask(createClient(VolumesDefinition, connection), { deadlineMs: answerTime }) };
  } catch (error) {
    if (error instanceof KataError && error.status === "NOT_FOUND") return "unknown";
    throw error;
  } finally {
    connection.destroy(new Error("done"));
  }
}
