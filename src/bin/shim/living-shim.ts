import { KataError } from "../../core/errors/error.js";
import { TaskDefinition } from "../../core/proto/gen/containerd/task.js";
import { createClient } from "../../core/rpc/client.js";
import { ClientConnection } from "../../core/rpc/client-connection.js";
import { connect } from "../../core/rpc/connect.js";

/** Milliseconds a shim that works may take to accept a connection and to say what it knows. */
const answerTime = 2_000;
/** Milliseconds that killing and deleting a container may take. */
const endTime = 10_000;
const sigkill = 9;

/**
 * Has a living shim end one container, and itself when that was its last. False when it does not answer, or not do it:
 * then it is of no use to anybody.
 */
export async function endContainer(socketPath: string, id: string): Promise<boolean> {
  let connection: ClientConnection | undefined;
  try {
    const socket = await connect({ path: socketPath, peer: "the shim", deadlineMs: answerTime });
    connection = new ClientConnection(socket, { peer: "the shim" });
    const task = createClient(TaskDefinition, connection);
    const process = { id, execId: "" };
    const there = await ifThere(task.state(process, { deadlineMs: answerTime }));
    if (there) {
      const deadlineMs = endTime;
      await ifThere(task.kill({ ...process, signal: sigkill, all: true }, { deadlineMs }));
      await ifThere(task.wait(process, { deadlineMs }));
      await ifThere(task.delete(process, { deadlineMs }));
    }
    await task.shutdown({ id, now: false }, { deadlineMs: endTime });
    return true;
  } catch (error) {
    if (error instanceof KataError) return false;
    throw error;
  } finally {
    connection?.destroy(new Error("done"));
  }
}

/** False when what was asked for is not there, which is as good as done. */
async function ifThere(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (error instanceof KataError && error.status === "NOT_FOUND") return false;
    throw error;
  }
}
