/** How the agent's port of a guest is reached, whichever way its machine has. */
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { GuestAddress, Sys } from "kata-ts/plugin";
import { Connection } from "./connection.js";

/** Port that the agent listens on in the guest. */
export const port = 1024;

/** Milliseconds that one attempt may take, and between two of them. */
const attemptMs = 1_000;
const pauseMs = 20;

/** Bytes of the longest answer that a VMM gives: `OK` and a number. */
const longestAnswer = 64;

/** A VMM's socket, which is asked for a port: `CONNECT 1024`, and answers `OK …` before the guest has its say. */
async function connectHybrid(path: string, signal: AbortSignal): Promise<Duplex> {
  const socket = connect(path);
  try {
    socket.write(`CONNECT ${port}\n`);
    let line = "";
    while (!line.endsWith("\n")) {
      const byte = socket.read(1) as Buffer | null;
      if (byte !== null) line += byte.toString("latin1");
      else if (socket.readableEnded || socket.destroyed) throw new Error("the VMM has closed the connection");
      else await Promise.race([once(socket, "readable", { signal }), once(socket, "close", { signal })]);
      if (line.length > longestAnswer) throw new Error("the VMM does not answer by a line");
    }
    if (!line.startsWith("OK ")) throw new Error(`the VMM answers ${line.trim()}`);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function connectOnce({ vsock }: Pick<Sys, "vsock">, address: GuestAddress, signal: AbortSignal): Promise<Duplex> {
  switch (address.kind) {
    case "hybrid-vsock":
      return connectHybrid(address.path, signal);
    case "vsock":
      return vsock.connect({ cid: address.cid, port }, { ms: attemptMs, what: "the guest to take a connection" });
    case "virtio-serial": {
      const socket = connect(join(address.directory, `port-${port}.sock`));
      return once(socket, "connect", { signal }).then(() => socket);
    }
  }
}

/** Dials until the guest answers a call; rejects with the signal's reason when that aborts. */
export async function dial(sys: Pick<Sys, "vsock">, address: GuestAddress, signal: AbortSignal): Promise<Connection> {
  for (;;) {
    signal.throwIfAborted();
    const attempt = AbortSignal.any([signal, AbortSignal.timeout(attemptMs)]);
    let connection: Connection | undefined;
    try {
      connection = new Connection(await connectOnce(sys, address, attempt));
      await connection.call("check", [], attempt);
      return connection;
    } catch {
      // Nobody is there yet: a guest takes its time to boot, and whoever waits for it says for how long.
      connection?.close();
      await sleep(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}
