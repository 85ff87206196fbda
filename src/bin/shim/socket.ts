import { lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { codeOf } from "../../core/errors/error.js";
import type { Connections } from "../../plugins/services/task/config.js";
import { shimErrors } from "./errors.js";

/** Milliseconds a live shim may take to accept a connection. */
const acceptTime = 1_000;

/** Whether somebody accepts connections on a socket; false for one that its owner left behind, or that is not there. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const settle = (live: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(live);
    };
    // A full backlog means that somebody is there, only not accepting.
    const timer = setTimeout(() => settle(true), acceptTime);
    socket.once("connect", () => settle(true));
    socket.once("error", (error) => settle(codeOf(error) === "EAGAIN"));
  });
}

/** Listens on a socket of mode 0600, of a name that only this process has: one that is there is of an earlier boot. */
export async function listenPrivately(path: string): Promise<Connections> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
    removeSocket(path);
    return hold(await bind(path));
  } catch (error) {
    throw shimErrors.KATA_SHIM_SOCKET({ path }, { cause: error });
  }
}

async function bind(path: string): Promise<Server> {
  const server = createServer();
  const fault = new Promise<never>((_, reject) => server.once("error", reject));
  // The socket has its mode from the first moment. No other thread makes files this early.
  const mask = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(mask);
  }
  // It listens already, or never will: Node tells so with the next turn of its loop, which takes as long as the system call.
  if (!server.listening) await fault;
  server.removeAllListeners("error");
  return server;
}

/** Keeps connections, which are there as soon as the address is known, until the program is ready for them. */
function hold(server: Server): Connections {
  const waiting: Socket[] = [];
  let accept = (socket: Socket): void => void waiting.push(socket);
  server.on("connection", (socket) => accept(socket));
  return {
    take(take) {
      accept = take;
      for (const socket of waiting.splice(0)) take(socket);
    },
    close: () => void server.close(),
  };
}

/** Removes a socket; leaves anything else that has its path alone. */
export function removeSocket(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}
