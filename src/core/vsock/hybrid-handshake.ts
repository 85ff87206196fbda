import type { Duplex } from "node:stream";
import { guestDialErrors } from "./errors.js";

/** Bytes of the longest answer taken: `OK ` and a port of ten digits, with room to spare. */
const longestAnswer = 64;

/**
 * Asks a VMM on its Unix socket for a port of the guest, in Firecracker's form: `CONNECT <port>`, answered with
 * `OK <port>`. What follows the answer belongs to the guest and stays in the stream. The answer is the VMM's, but a VMM
 * closes the connection without one when nobody listens in the guest: that is `KATA_GUEST_HANDSHAKE` too.
 */
export function hybridHandshake(stream: Duplex, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const refuse = (answer: string, cause?: Error): void => {
      stop();
      reject(guestDialErrors.KATA_GUEST_HANDSHAKE({ address, answer }, { cause }));
    };
    const onReadable = (): void => {
      for (let piece = stream.read() as Buffer | null; piece !== null; piece = stream.read() as Buffer | null) {
        received = Buffer.concat([received, piece]);
      }
      const end = received.indexOf("\n");
      if (end === -1) {
        if (received.length > longestAnswer) refuse(`its answer is longer than ${longestAnswer} bytes`);
        return;
      }
      const line = received.subarray(0, end).toString("latin1");
      if (!/^OK( \d{1,10})?\r?$/.test(line))
        return refuse(`it answered ${JSON.stringify(line.slice(0, longestAnswer))}`);
      stop();
      const rest = received.subarray(end + 1);
      if (rest.length > 0) stream.unshift(rest);
      resolve();
    };
    const onEnd = (): void => refuse("it closed the connection, so nobody listens there (yet)");
    const onError = (error: Error): void => refuse("the connection broke", error);
    const stop = (): void => {
      stream.off("readable", onReadable).off("end", onEnd).off("close", onEnd).off("error", onError);
    };
    stream.on("readable", onReadable).on("end", onEnd).on("close", onEnd).on("error", onError);
    stream.write(`CONNECT ${port}\n`);
  });
}
