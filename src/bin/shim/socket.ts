import { lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { dirname } from "node:path";
import { codeOf } from "../../core/errors/error.js";
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

/**
 * Listens on a socket of mode 0600. A dead socket there is replaced, a live one is `KATA_SHIM_SOCKET_TAKEN`. Nobody may
 * have taken the server's connections yet: they wait until somebody does.
 */
export async function listenPrivately(path: string, sandboxId: string): Promise<Server> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
    return await bind(path);
  } catch (error) {
    if (codeOf(error) !== "EADDRINUSE") throw shimErrors.KATA_SHIM_SOCKET({ path }, { cause: error });
  }
  if (await answers(path)) throw shimErrors.KATA_SHIM_SOCKET_TAKEN({ path, id: sandboxId });
  removeSocket(path);
  try {
    return await bind(path);
  } catch (error) {
    throw shimErrors.KATA_SHIM_SOCKET({ path }, { cause: error });
  }
}

function bind(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ pauseOnConnect: true });
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

/** Removes a socket; leaves anything else that has its path alone. */
export function removeSocket(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}
