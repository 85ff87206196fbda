import { chmodSync, linkSync, lstatSync, mkdtempSync, rmSync, unlinkSync } from "node:fs";
import { createServer, type Server as NetServer, type Socket } from "node:net";
import { dirname, isAbsolute, join } from "node:path";
import { codeOf } from "../errors/error.js";
import { rpcErrors } from "./errors.js";

/** Where to listen: a socket made at `path` with mode 0600, or one that listens already, inherited as `fd`. */
export type ListenAddress = { readonly path: string } | { readonly fd: number };

/** A socket that takes connections. */
export interface Listener {
  /** The path, or `fd <number>`. */
  readonly address: string;
  /** Takes no more connections and removes the socket's path. */
  close(): void;
}

/** Bytes of a Unix socket's path, without the byte that ends it. */
export const socketPathLimit = 107;

/** Why a Unix socket cannot have this path; undefined when it can. */
export function socketPathFault(path: string): string | undefined {
  if (path.startsWith("\0") || path.startsWith("@")) return "abstract sockets have no owner and are not used";
  if (!isAbsolute(path) || path.includes("\0")) return "the path must be absolute";
  const bytes = Buffer.byteLength(path);
  if (bytes > socketPathLimit) return `the path has ${bytes} bytes, a Unix socket's at most ${socketPathLimit}`;
  return undefined;
}

/** Listens and calls `accept` for every connection. Fails with `KATA_RPC_LISTEN`, also when the path exists. */
export async function listen(
  address: ListenAddress,
  accept: (socket: Socket) => void,
  onError: (error: Error) => void,
): Promise<Listener> {
  const server = createServer(accept);
  if ("fd" in address) {
    const name = `fd ${address.fd}`;
    await start(server, { fd: address.fd }, name);
    server.on("error", onError);
    return { address: name, close: () => void server.close() };
  }
  const { path } = address;
  const why = socketPathFault(path);
  if (why !== undefined) throw rpcErrors.KATA_RPC_LISTEN({ address: path, why });
  const inode = await bindPrivately(server, path);
  server.on("error", onError);
  return { address: path, close: () => closePath(server, path, inode) };
}

async function start(server: NetServer, options: ListenAddress, address: string): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(options, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (cause) {
    throw rpcErrors.KATA_RPC_LISTEN({ address, why: codeOf(cause) ?? "it failed" }, { cause });
  }
}

/**
 * Binds in a directory that only we can enter and links the socket to its path when it has its mode: nobody can connect
 * before, and the process's umask, which all threads share, stays as it is. Gives the socket's inode.
 */
async function bindPrivately(server: NetServer, path: string): Promise<bigint> {
  let directory: string | undefined;
  try {
    directory = mkdtempSync(`${dirname(path)}/.`);
    const bound = join(directory, "s");
    await start(server, { path: bound }, bound);
    chmodSync(bound, 0o600);
    linkSync(bound, path);
    return lstatSync(path, { bigint: true }).ino;
  } catch (cause) {
    server.close();
    const why = codeOf(cause) === "EEXIST" ? "the path exists" : "it failed";
    throw rpcErrors.KATA_RPC_LISTEN({ address: path, why }, { cause });
  } finally {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  }
}

/** Removes the path unless somebody else's socket has taken it. */
function closePath(server: NetServer, path: string, inode: bigint): void {
  server.close();
  if (lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino === inode) unlinkSync(path);
}
