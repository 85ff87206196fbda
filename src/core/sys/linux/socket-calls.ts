import type { Libc } from "./libc.js";

const closeOnExec = 0o2000000;
const unix = 1;
const stream = 1;

/** See `Sockets.pair`. */
export function socketPair(libc: Libc): [number, number] {
  const fds = Buffer.alloc(8);
  libc.call("int socketpair(int, int, int, void*)", unix, stream | closeOnExec, 0, fds);
  return [fds.readInt32LE(0), fds.readInt32LE(4)];
}
