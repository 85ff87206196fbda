import { Socket } from "node:net";
import type { StreamOptions } from "../descriptors.js";
import { closeFds } from "./close-fd.js";
import type { Libc } from "./libc.js";
import { socketPair } from "./socket-calls.js";
import { setNonBlocking } from "./status-flags.js";

const closeOnExec = 0o2000000;

/**
 * A `net.Socket` over a socket of a family libuv refuses, such as vsock. libuv is given one end of a UNIX socket pair;
 * before it first looks, that descriptor is made to be the foreign socket, which it then polls, reads and writes like
 * its own. Takes the descriptor.
 *
 * The foreign socket must be non-blocking by then: Node sets that on the open file it sees, which is the other one.
 */
export function socketStream(libc: Libc, fd: number, options: StreamOptions): Socket {
  const owned = new Set([fd]);
  try {
    setNonBlocking(libc, fd, true);
    const [visible, other] = socketPair(libc);
    owned.add(visible).add(other);
    const socket = new Socket({
      fd: visible,
      readable: options.readable ?? true,
      writable: options.writable ?? true,
      allowHalfOpen: options.allowHalfOpen ?? true,
    });
    owned.delete(visible);
    try {
      libc.call("int dup3(int, int, int)", fd, visible, closeOnExec);
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return socket;
  } finally {
    closeFds(owned);
  }
}
