import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { describeConformance, type FakeAgent, type Place, type TrialGuest } from "kata-ts/testing";
import { decode, encode, onLines } from "./connection.js";
import { plugin } from "./index.js";

interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** What the guest does when it is asked. */
async function answer({ id, method, args }: Call, behind: FakeAgent): Promise<object> {
  try {
    const act = Reflect.get(behind, method) as (...args: readonly unknown[]) => Promise<unknown>;
    return { id, result: await act.apply(behind, [...args]) };
  } catch (error) {
    const { status = "UNKNOWN", message } = error as Error & { readonly status?: string };
    return { id, error: { status, message } };
  }
}

/** A guest in memory: the socket of a VMM, with the agent's port behind. */
async function guest({ directory }: Place, behind: FakeAgent): Promise<TrialGuest> {
  const path = join(directory, "vsock");
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    onLines(socket, (line) => {
      if (line === "CONNECT 1024") return void socket.write("OK 1024\n");
      void answer(decode(line) as Call, behind).then((told) => socket.write(`${encode(told)}\n`));
    });
  });
  server.listen(path);
  await once(server, "listening");
  const die = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    die();
    await once(server, "close");
  };
  return { address: { kind: "hybrid-vsock", path }, die, close };
}

describeConformance({ describe, it }, plugin, { guest });
