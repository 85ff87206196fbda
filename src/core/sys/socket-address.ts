import { sysErrors } from "./errors.js";
import type { VsockAddress } from "./vsock.js";

/** Address families and socket types of socket(2). */
export const SocketFamily = { unix: 1, inet: 2, inet6: 10, netlink: 16, packet: 17, vsock: 40 } as const;
export const SocketType = { stream: 1, datagram: 2, raw: 3, sequenced: 5, nonBlocking: 0o4000 } as const;

/** Longest path of a UNIX socket in bytes. */
export const unixPathLimit = 107;

/** `sockaddr_vm`, linux/vm_sockets.h. */
export function vsockAddress({ cid, port }: VsockAddress): Uint8Array {
  for (const [what, value] of Object.entries({ cid, port })) {
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
      throw sysErrors.KATA_SYS_VALUE({ what: `vsock ${what}`, value: String(value), expected: "a 32-bit number" });
    }
  }
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(SocketFamily.vsock, 0);
  bytes.writeUInt32LE(port, 4);
  bytes.writeUInt32LE(cid, 8);
  return bytes;
}

/** The context and port of a `sockaddr_vm`; undefined for an address of another family. */
export function parseVsockAddress(address: Uint8Array): VsockAddress | undefined {
  const bytes = Buffer.from(address.buffer, address.byteOffset, address.byteLength);
  if (bytes.length < 12 || bytes.readUInt16LE(0) !== SocketFamily.vsock) return undefined;
  return { port: bytes.readUInt32LE(4), cid: bytes.readUInt32LE(8) };
}

/** `sockaddr_un` of a path. Never an abstract name: those can be reached from any container with the host's network. */
export function unixAddress(path: string): Uint8Array {
  const name = Buffer.from(path);
  if (name.length === 0 || name.length > unixPathLimit || name.includes(0)) {
    const why = `a socket's path has 1 to ${unixPathLimit} bytes, none of them 0; this one has ${name.length}`;
    throw sysErrors.KATA_SYS_PATH({ path, why });
  }
  const bytes = Buffer.alloc(2 + name.length + 1);
  bytes.writeUInt16LE(SocketFamily.unix, 0);
  name.copy(bytes, 2);
  return bytes;
}

/** `sockaddr_nl`, netlink(7). Port 0: the kernel chooses. */
export function netlinkAddress(port = 0, groups = 0): Uint8Array {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16LE(SocketFamily.netlink, 0);
  bytes.writeUInt32LE(port, 4);
  bytes.writeUInt32LE(groups, 8);
  return bytes;
}
