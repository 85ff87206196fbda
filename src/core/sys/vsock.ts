import type { Socket } from "node:net";
import type { Deadline } from "../deadline.js";
import type { Listener } from "./sockets.js";

/** One end of a vsock connection, vsock(7). */
export interface VsockAddress {
  /** Context: 2 is the host, 1 this machine itself, others are guests. */
  readonly cid: number;
  readonly port: number;
}

/** Callbacks of a vsock listener. */
export interface VsockListenerEvents {
  connection(stream: Socket, peer: VsockAddress): void;
  error(error: Error): void;
}

/** Streams between a host and its guests. ENODEV or EAFNOSUPPORT where the kernel has no vsock. */
export interface Vsock {
  /** Connects within the deadline. Nobody listening is ECONNRESET or ECONNREFUSED, no such guest ENODEV or ETIMEDOUT. */
  connect(address: VsockAddress, deadline: Deadline): Promise<Socket>;

  /** Listens at `address.port`; `cid` is `anyCid` unless only one context is meant. Says which port it got for port `anyPort`. */
  listen(address: VsockAddress, events: VsockListenerEvents): Listener & { readonly address: VsockAddress };

  /** This machine's own context, from /dev/vsock: 2 on a host with vhost, its own in a guest. */
  localCid(): number;
}

/** `VMADDR_CID_ANY`: listen for every context. */
export const anyCid = 0xffffffff;
/** `VMADDR_PORT_ANY`: the kernel chooses. */
export const anyPort = 0xffffffff;
/** `VMADDR_CID_LOCAL`: this machine, by the loopback transport. */
export const localCid = 1;
/** `VMADDR_CID_HOST`. */
export const hostCid = 2;
