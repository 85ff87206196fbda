import { chmodSync } from "node:fs";
import { errnoName } from "../errno.js";
import { SocketFamily, SocketType, unixAddress } from "../socket-address.js";
import type { Listener, ListenerEvents, ReceivedDescriptors, SocketKind, Sockets } from "../sockets.js";
import { closeFd } from "./close-fd.js";
import { receiveDescriptors, sendDescriptors } from "./descriptor-messages.js";
import type { Libc } from "./libc.js";
import { socketPair } from "./socket-calls.js";
import { SocketListener } from "./socket-listener.js";

const closeOnExec = 0o2000000;
const noSignal = 0x4000;
const socketLevel = 1;
const errorOption = 4;
const eagain = 11;
const eintr = 4;
const einprogress = 115;
const econnaborted = 103;
const addressBytes = 128;
const backlogDefault = 128;

/** `Sockets` by the calls of socket(7). */
export class LinuxSockets implements Sockets {
  readonly #libc: Libc;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  open({ family, type, protocol = 0 }: SocketKind): number {
    return this.#libc.call("int socket(int, int, int)", family, type | closeOnExec, protocol);
  }

  pair(): [number, number] {
    return socketPair(this.#libc);
  }

  bind(fd: number, address: Uint8Array): void {
    this.#libc.call("int bind(int, void*, uint)", fd, address, address.length);
  }

  listen(fd: number, backlog = backlogDefault): void {
    this.#libc.call("int listen(int, int)", fd, backlog);
  }

  connect(fd: number, address: Uint8Array): boolean {
    const args = [fd, address, address.length] as const;
    const result = this.#libc.attempt("int connect(int, void*, uint)", ...args);
    if (result < 0 && result !== -einprogress) throw this.#libc.error("connect", args, -result);
    return result >= 0;
  }

  accept(fd: number): { readonly fd: number; readonly peer: Uint8Array } | undefined {
    const { address, length } = addressBuffers();
    const flags = SocketType.nonBlocking | closeOnExec;
    const accepted = this.#libc.attempt("int accept4(int, void*, void*, int)", fd, address, length, flags);
    if (accepted >= 0) return { fd: accepted, peer: filled(address, length) };
    if (accepted === -eagain || accepted === -eintr || accepted === -econnaborted) return undefined;
    throw this.#libc.error("accept4", [fd], -accepted);
  }

  serve(fd: number, events: ListenerEvents): Listener {
    return new SocketListener(this.#libc, fd, () => this.accept(fd), events);
  }

  localAddress(fd: number): Uint8Array {
    const { address, length } = addressBuffers();
    this.#libc.call("int getsockname(int, void*, void*)", fd, address, length);
    return filled(address, length);
  }

  pendingError(fd: number): string | undefined {
    const value = Buffer.alloc(4);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(value.length);
    this.#libc.call("int getsockopt(int, int, int, void*, void*)", fd, socketLevel, errorOption, value, length);
    const errno = value.readInt32LE(0);
    return errno === 0 ? undefined : errnoName(errno);
  }

  send(fd: number, bytes: Uint8Array, flags = 0): number | undefined {
    const args = [fd, bytes, bytes.length, flags | noSignal] as const;
    return this.#moved("send", args, this.#libc.attempt("intptr_t send(int, void*, size_t, int)", ...args));
  }

  receive(fd: number, into: Uint8Array, flags = 0): number | undefined {
    const args = [fd, into, into.length, flags] as const;
    return this.#moved("recv", args, this.#libc.attempt("intptr_t recv(int, void*, size_t, int)", ...args));
  }

  setOption(fd: number, level: number, option: number, value: number | Uint8Array): void {
    let bytes = value;
    if (typeof bytes === "number") {
      const number = Buffer.alloc(4);
      number.writeInt32LE(bytes);
      bytes = number;
    }
    this.#libc.call("int setsockopt(int, int, int, void*, uint)", fd, level, option, bytes, bytes.length);
  }

  sendDescriptors(fd: number, bytes: Uint8Array, fds: readonly number[]): number | undefined {
    return sendDescriptors(this.#libc, fd, bytes, fds);
  }

  receiveDescriptors(fd: number, into: Uint8Array, limit = 16): ReceivedDescriptors | undefined {
    return receiveDescriptors(this.#libc, fd, into, limit);
  }

  listenUnix(path: string, backlog?: number): number {
    const address = unixAddress(path);
    const fd = this.open({ family: SocketFamily.unix, type: SocketType.stream | SocketType.nonBlocking });
    try {
      this.bind(fd, address);
      // nobody can connect before listen, so the mode is in force in time
      chmodSync(path, 0o600);
      this.listen(fd, backlog);
      return fd;
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  #moved(call: string, args: readonly (number | Uint8Array)[], result: number): number | undefined {
    if (result >= 0) return result;
    if (result === -eagain || result === -eintr) return undefined;
    throw this.#libc.error(call, args, -result);
  }
}

function addressBuffers(): { readonly address: Buffer; readonly length: Buffer } {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(addressBytes);
  return { address: Buffer.alloc(addressBytes), length };
}

const filled = (address: Buffer, length: Buffer): Uint8Array =>
  address.subarray(0, Math.min(length.readUInt32LE(0), addressBytes));
