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

/** Listens on a socket of mode 0600. A dead socket there is replaced, a live one is `KATA_SHIM_SOCKET_TAKEN`. */
export async function listenPrivately(path: string, sandboxId: string): Promise<Connections> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
    return hold(await bind(path));
  } catch (error) {
    if (codeOf(error) !== "EADDRINUSE") throw shimErrors.KATA_SHIM_SOCKET({ path }, { cause: error });
  }
  if (await answers(path)) throw shimErrors.KATA_SHIM_SOCKET_TAKEN({ path, id: sandboxId });
  removeSocket(path);
  try {
    return hold(await bind(path));
  } catch (error) {
    throw shimErrors.KATA_SHIM_SOCKET({ path }, { cause: error });
  }
}

function bind(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    // The socket has its mode from the first moment. No other thread makes files this early.
    const mask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off("error", reject);
        resolve(server);
      });
    } finally {
      process.umask(mask);
    }
  });
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
