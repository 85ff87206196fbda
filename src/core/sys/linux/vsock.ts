import { openSync } from "node:fs";
import type { Socket } from "node:net";
import type { Deadline } from "../../deadline.js";
import { errnoNumber } from "../errno.js";
import { OpenFlag } from "../open-flags.js";
import { parseVsockAddress, SocketFamily, SocketType, vsockAddress } from "../socket-address.js";
import type { Listener, Sockets } from "../sockets.js";
import type { Vsock, VsockAddress, VsockListenerEvents } from "../vsock.js";
import { closeFd, withFdSync } from "./close-fd.js";
import type { Libc } from "./libc.js";
import { socketStream } from "./socket-stream.js";
import { waitUntilReady } from "./watch.js";

const getLocalCid = 0x7b9;
const kind = { family: SocketFamily.vsock, type: SocketType.stream | SocketType.nonBlocking };
const unknownPeer: VsockAddress = { cid: 0xffffffff, port: 0xffffffff };

/** `Vsock` by AF_VSOCK sockets. */
export class LinuxVsock implements Vsock {
  readonly #libc: Libc;
  readonly #sockets: Sockets;

  constructor(libc: Libc, sockets: Sockets) {
    this.#libc = libc;
    this.#sockets = sockets;
  }

  async connect(address: VsockAddress, deadline: Deadline): Promise<Socket> {
    const bytes = vsockAddress(address);
    const fd = this.#sockets.open(kind);
    try {
      if (!this.#sockets.connect(fd, bytes)) {
        await waitUntilReady(this.#libc, fd, { writable: true }, deadline);
        const refusal = this.#sockets.pendingError(fd);
        if (refusal !== undefined) throw this.#refused(address, refusal);
      }
    } catch (error) {
      closeFd(fd);
      throw error;
    }
    return socketStream(this.#libc, fd, {});
  }

  listen(address: VsockAddress, events: VsockListenerEvents): Listener & { readonly address: VsockAddress } {
    const bytes = vsockAddress(address);
    const fd = this.#sockets.open(kind);
    try {
      this.#sockets.bind(fd, bytes);
      this.#sockets.listen(fd);
    } catch (error) {
      closeFd(fd);
      throw error;
    }
    const bound = parseVsockAddress(this.#sockets.localAddress(fd)) ?? address;
    const listener = this.#sockets.serve(fd, {
      connection: (stream, peer) => events.connection(stream, parseVsockAddress(peer) ?? unknownPeer),
      error: (error) => events.error(error),
    });
    return {
      address: bound,
      close: () => listener.close(),
      ref: () => listener.ref(),
      unref: () => listener.unref(),
    };
  }

  localCid(): number {
    return withFdSync(openSync("/dev/vsock", OpenFlag.read), (fd) => {
      const cid = Buffer.alloc(4);
      this.#libc.call("int ioctl(int, ulong, void*)", fd, getLocalCid, cid);
      return cid.readUInt32LE(0);
    });
  }

  #refused({ cid, port }: VsockAddress, errno: string): Error {
    return this.#libc.error("connect", [`vsock ${cid}:${port}`], errnoNumber(errno) ?? 0);
  }
}
