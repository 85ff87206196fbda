import type { Namespaces } from "../namespaces.js";
import { netlinkErrors } from "../netlink/errors.js";
import {
  ControlType,
  encodeMessage,
  MessageFlag,
  messagesOf,
  type NetlinkMessage,
  parseAcknowledgement,
} from "../netlink/message.js";
import type { PathOrFd } from "../path-or-fd.js";
import { netlinkAddress, SocketFamily, SocketType } from "../socket-address.js";
import type { Sockets } from "../sockets.js";
import { errnoName } from "../errno.js";
import { SysError } from "../sys-error.js";
import { closeFd } from "./close-fd.js";

/** `NETLINK_ROUTE`. */
const routeProtocol = 0;

/** Options of `SOL_NETLINK`: short acknowledgements, the kernel's own words, filters of dumps obeyed. */
const netlinkLevel = 270;
const options = { capAcknowledgement: 10, extendedAck: 11, strictCheck: 12 } as const;

/** `SO_RCVTIMEO` of `SOL_SOCKET`, and `MSG_TRUNC`. */
const socketLevel = 1;
const receiveTimeout = 20;
const tellLength = 0x20;

/** The kernel answers within the call that asks; it may have to wait for others who change the network. Milliseconds. */
const usualAnswerTime = 10_000;

/** The kernel's largest datagram is 32 KiB, unless a single link needs more. */
const bufferBytes = 128 * 1024;

/** How often a dump is begun anew that changed while it was read. */
const dumpTries = 10;

/** What a request is about, for errors: `new qdisc "ingress" on link 3`. */
export type RequestName = string;

/** Opens a socket of rtnetlink in a namespace; `groups` is what it is told of unasked. */
export function openNetlink(
  sockets: Sockets,
  namespaces: Namespaces,
  namespace: PathOrFd | undefined,
  { groups = 0, nonBlocking = false } = {},
): number {
  const type = SocketType.raw | (nonBlocking ? SocketType.nonBlocking : 0);
  const open = () => sockets.open({ family: SocketFamily.netlink, type, protocol: routeProtocol });
  const fd = namespace === undefined ? open() : namespaces.inNetworkNamespace(namespace, open);
  try {
    sockets.bind(fd, netlinkAddress(0, groups));
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

type SocketCalls = Pick<Sockets, "send" | "receive" | "setOption">;

/** Requests and answers over one socket of netlink, one at a time. */
export class NetlinkSocket {
  readonly #sockets: SocketCalls;
  readonly #answerMs: number;
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  #fd: number;
  #sequence = 0;

  /** Takes `fd`. `answerMs` is how long an answer may take, in milliseconds, at least 1. */
  constructor(sockets: SocketCalls, fd: number, answerMs = usualAnswerTime) {
    this.#sockets = sockets;
    this.#answerMs = answerMs;
    this.#fd = fd;
    const timeout = Buffer.alloc(16);
    timeout.writeBigInt64LE(BigInt(Math.floor(answerMs / 1000)));
    timeout.writeBigInt64LE(BigInt((answerMs % 1000) * 1000), 8);
    sockets.setOption(fd, socketLevel, receiveTimeout, timeout);
    for (const option of Object.values(options)) sockets.setOption(fd, netlinkLevel, option, 1);
  }

  close(): void {
    if (this.#fd >= 0) closeFd(this.#fd);
    this.#fd = -1;
  }

  /** Asks for one thing; the answers before the acknowledgement. */
  request(name: RequestName, type: number, flags: number, payload: Uint8Array): NetlinkMessage[] {
    const { answers } = this.#exchange(name, type, flags | MessageFlag.acknowledge, payload);
    return answers;
  }

  /** Asks for a list, again when it changed while it was read. */
  dump(name: RequestName, type: number, payload: Uint8Array): NetlinkMessage[] {
    for (let tries = 0; tries < dumpTries; tries++) {
      const { answers, whole } = this.#exchange(name, type, MessageFlag.dump, payload);
      if (whole) return answers;
    }
    throw netlinkErrors.KATA_NETLINK_CHANGING({ request: name, tries: dumpTries });
  }

  #exchange(name: RequestName, type: number, flags: number, payload: Uint8Array) {
    const sequence = (this.#sequence = (this.#sequence + 1) >>> 0);
    this.#sockets.send(this.#fd, encodeMessage({ type, flags: flags | MessageFlag.request, sequence, payload }));
    const answers: NetlinkMessage[] = [];
    let whole = true;
    for (const end = performance.now() + this.#answerMs; ; ) {
      for (const message of this.#receive(name, end)) {
        if (message.sequence !== sequence) continue;
        if ((message.flags & MessageFlag.interrupted) !== 0) whole = false;
        if (message.type === ControlType.done || message.type === ControlType.error) {
          const { errno, text } = parseAcknowledgement(message);
          if (errno !== 0) throw refusal(name, errno, text);
          return { answers, whole };
        }
        if (message.type === ControlType.overrun) throw refusal(name, enobufs);
        if (message.type !== ControlType.noop) answers.push({ ...message, payload: Buffer.from(message.payload) });
      }
    }
  }

  #receive(name: RequestName, end: number): Iterable<NetlinkMessage> {
    const length = this.#sockets.receive(this.#fd, this.#buffer, tellLength);
    // What comes may be for an earlier request, without end.
    if (length === undefined || performance.now() > end) {
      throw netlinkErrors.KATA_NETLINK_SILENT({ request: name, ms: this.#answerMs });
    }
    if (length > this.#buffer.length) {
      const why = `a datagram of ${length} bytes, where ${this.#buffer.length} are read at once`;
      throw netlinkErrors.KATA_NETLINK_BROKEN({ why });
    }
    return messagesOf(this.#buffer.subarray(0, length));
  }
}

const enobufs = 105;

function refusal(name: RequestName, errno: number, text?: string): SysError {
  return new SysError("rtnetlink", [name], errno, errnoName(errno), text);
}
