import type { Socket } from "node:net";

/** Bytes of the longest line taken: the word and a port of ten digits, with room to spare. */
const longestLine = 32;

/** The port in a line, without its end; undefined when it is none. Dragonball and Firecracker differ in the word's case. */
function portOf(line: string): number | undefined {
  const digits = /^connect (\d{1,10})\r?$/i.exec(line)?.[1];
  const port = Number(digits);
  return port <= 0xffffffff ? port : undefined;
}

/**
 * Reads the line `CONNECT <port>` with which a host's program names a port of the guest, and leaves what follows it in the
 * socket. Resolves with the port; with undefined when the line is another or does not come within `ms` milliseconds, or the
 * socket ends. Never rejects.
 */
export function readConnectLine(socket: Socket, ms: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    const settle = (port: number | undefined): void => {
      clearTimeout(timer);
      socket.off("readable", onReadable).off("end", onEnd).off("close", onEnd);
      resolve(port);
    };
    const onEnd = (): void => settle(undefined);
    const onReadable = (): void => {
      for (let piece = socket.read() as Buffer | null; piece !== null; piece = socket.read() as Buffer | null) {
        received = Buffer.concat([received, piece]);
      }
      const end = received.indexOf("\n");
      if (end === -1 && received.length <= longestLine) return;
      if (end === -1 || end > longestLine) return settle(undefined);
      const rest = received.subarray(end + 1);
      const port = portOf(received.toString("latin1", 0, end));
      settle(port);
      if (port !== undefined && rest.length > 0) socket.unshift(rest);
    };
    const timer = setTimeout(onEnd, ms);
    socket.on("readable", onReadable).on("end", onEnd).on("close", onEnd);
  });
}
