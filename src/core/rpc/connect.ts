import { createConnection, type Socket } from "node:net";
import { withDeadline } from "../deadline.js";
import { rpcErrors } from "./errors.js";
import { socketPathFault } from "./listen.js";

/** Where and for how long to try. */
export interface ConnectOptions {
  /** Absolute path of a Unix socket; abstract ones are refused. */
  readonly path: string;
  /** Who listens there, for the error. */
  readonly peer: string;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
}

/** Connects to a Unix socket, once. Fails with `KATA_RPC_CONNECT`, or `KATA_DEADLINE` when nobody accepts. */
export async function connect(options: ConnectOptions): Promise<Socket> {
  const { path, peer, deadlineMs, signal } = options;
  const failed = (cause: unknown) => rpcErrors.KATA_RPC_CONNECT({ peer, address: path }, { cause });
  const fault = socketPathFault(path);
  if (fault !== undefined) throw failed(new Error(fault));
  return withDeadline({ ms: deadlineMs, what: `${peer} to accept a connection at ${path}` }, (expired) => {
    const stop = signal === undefined ? expired : AbortSignal.any([expired, signal]);
    return new Promise<Socket>((resolve, reject) => {
      const socket = createConnection({ path });
      const abandon = () => socket.destroy(stop.reason instanceof Error ? stop.reason : new Error("given up"));
      const onError = (error: Error) => {
        stop.removeEventListener("abort", abandon);
        reject(failed(error));
      };
      socket.once("error", onError);
      socket.once("connect", () => {
        stop.removeEventListener("abort", abandon);
        socket.off("error", onError);
        resolve(socket);
      });
      if (stop.aborted) abandon();
      else stop.addEventListener("abort", abandon, { once: true });
    });
  });
}
