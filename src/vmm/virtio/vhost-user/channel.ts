import { withDeadline } from "../../../core/deadline.js";
import type { Watch } from "../../../core/sys/descriptors.js";
import { SocketFamily, SocketType, unixAddress } from "../../../core/sys/socket-address.js";
import { errnoNameOf } from "../../../core/sys/sys-error.js";
import type { Sys } from "../../../core/sys/sys.js";
import { vhostUserErrors } from "./errors.js";
import {
  type AnswerHeader,
  decodeHeader,
  encodeMessage,
  messageHeaderBytes,
  request,
  type RequestName,
} from "./message.js";

/** The longest answer to anything that is asked here, in bytes of its payload. */
const longestAnswer = 8;

/** Which daemon, and for whom. */
export interface ChannelOptions {
  readonly sys: Pick<Sys, "sockets" | "descriptors">;
  /** The daemon's Unix socket. */
  readonly path: string;
  /** The device, for errors. */
  readonly name: string;
  /** Milliseconds for one answer. */
  readonly answerMs: number;
  /** The daemon has hung up, or said what makes no sense; called once, and never after `close`. */
  readonly ended: (error: unknown) => void;
}

interface Asked {
  readonly name: RequestName;
  readonly answered: (payload: Buffer) => void;
  readonly failed: (error: unknown) => void;
}

/** The connection to a daemon: one request at a time, each with its answer if it has one. */
export class VhostUserChannel {
  readonly #options: ChannelOptions;
  readonly #fd: number;
  readonly #watch: Watch;
  readonly #buffer = Buffer.alloc(messageHeaderBytes + longestAnswer);
  #filled = 0;
  #asked: Asked | undefined;
  /** The request before: the next one is sent when it is done, however that went. */
  #last: Promise<unknown> = Promise.resolve();
  #end: { readonly error: unknown } | undefined;

  private constructor(options: ChannelOptions, fd: number) {
    this.#options = options;
    this.#fd = fd;
    this.#watch = options.sys.descriptors.watch(fd, { readable: true }, () => this.#readable());
  }

  /** Connects; `KATA_VMM_VHOST_USER_CONNECT` when nobody listens there. */
  static connect(options: ChannelOptions): VhostUserChannel {
    const { sys, path, name } = options;
    let fd: number | undefined;
    try {
      fd = sys.sockets.open({ family: SocketFamily.unix, type: SocketType.stream | SocketType.nonBlocking });
      sys.sockets.connect(fd, unixAddress(path));
      return new VhostUserChannel(options, fd);
    } catch (cause) {
      if (fd !== undefined) sys.descriptors.close(fd);
      throw vhostUserErrors.KATA_VMM_VHOST_USER_CONNECT({ name, path }, { cause });
    }
  }

  /** Sends a request that has no answer. The descriptors stay the caller's. */
  send(name: RequestName, payload: Uint8Array, fds: readonly number[] = []): Promise<void> {
    return this.#inTurn(() => this.#write(encodeMessage(name, payload, false), fds, name));
  }

  /** Sends a request that is answered with `bytes` bytes; a daemon that answers otherwise has ended. */
  ask(name: RequestName, payload: Uint8Array, bytes: number): Promise<Buffer> {
    return this.#inTurn(() => this.#exchange(name, encodeMessage(name, payload, false), [], bytes));
  }

  /** Sends a request that only says whether it was done (`REPLY_ACK`); `KATA_VMM_VHOST_USER_REFUSED` when it was not. */
  command(name: RequestName, payload: Uint8Array, fds: readonly number[] = []): Promise<void> {
    return this.#inTurn(async () => {
      const answer = await this.#exchange(name, encodeMessage(name, payload, true), fds, 8);
      if (answer.readBigUInt64LE(0) === 0n) return;
      throw vhostUserErrors.KATA_VMM_VHOST_USER_REFUSED({ name: this.#options.name, request: name });
    });
  }

  /** Hangs up. Requests that wait fail. Idempotent. */
  close(): void {
    const request = this.#asked?.name ?? "anything";
    this.#finish(vhostUserErrors.KATA_VMM_VHOST_USER_CLOSED({ name: this.#options.name, request }));
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => {
      if (this.#end !== undefined) throw this.#end.error;
      return act();
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #exchange(name: RequestName, message: Buffer, fds: readonly number[], bytes: number): Promise<Buffer> {
    const what = `the daemon of ${this.#options.name} to answer ${name}`;
    const payload = await withDeadline({ ms: this.#options.answerMs, what }, async () => {
      const answer = new Promise<Buffer>((answered, failed) => {
        this.#asked = { name, answered, failed };
      });
      await Promise.all([answer, this.#write(message, fds, name)]);
      return answer;
    }).catch((error: unknown) => {
      // An answer that comes later would be taken for that of the next request.
      this.#broken(error);
      throw error;
    });
    if (payload.length === bytes) return payload;
    const problem = `it has ${payload.length} bytes, not ${bytes}`;
    const error = vhostUserErrors.KATA_VMM_VHOST_USER_ANSWER({ name: this.#options.name, request: name, problem });
    this.#broken(error);
    throw error;
  }

  /** Descriptors go with the first byte. */
  async #write(message: Buffer, fds: readonly number[], name: RequestName): Promise<void> {
    const { sockets, descriptors } = this.#options.sys;
    for (let at = 0; at < message.length; ) {
      if (this.#end !== undefined) throw this.#end.error;
      const rest = message.subarray(at);
      const sent = this.#unlessHungUp(() =>
        at === 0 ? sockets.sendDescriptors(this.#fd, rest, fds) : sockets.send(this.#fd, rest),
      );
      at += sent ?? 0;
      if (sent !== undefined) continue;
      const what = `the daemon of ${this.#options.name} to take ${name}`;
      await descriptors.ready(this.#fd, { writable: true }, { ms: this.#options.answerMs, what });
    }
  }

  #readable(): void {
    try {
      const { sockets } = this.#options.sys;
      const read = this.#unlessHungUp(() => sockets.receive(this.#fd, this.#buffer.subarray(this.#filled)));
      if (read === undefined) return;
      if (read === 0) throw vhostUserErrors.KATA_VMM_VHOST_USER_ENDED({ name: this.#options.name });
      this.#filled += read;
      this.#parse();
    } catch (error) {
      this.#broken(error);
    }
  }

  #unlessHungUp<T>(act: () => T): T {
    try {
      return act();
    } catch (cause) {
      const errno = errnoNameOf(cause);
      if (errno !== "EPIPE" && errno !== "ECONNRESET") throw cause;
      throw vhostUserErrors.KATA_VMM_VHOST_USER_ENDED({ name: this.#options.name }, { cause });
    }
  }

  #parse(): void {
    if (this.#filled < messageHeaderBytes) return;
    const header = decodeHeader(this.#buffer);
    const problem = this.#problemOf(header);
    if (problem !== undefined) {
      const request = this.#asked?.name ?? "nothing";
      throw vhostUserErrors.KATA_VMM_VHOST_USER_ANSWER({ name: this.#options.name, request, problem });
    }
    const end = messageHeaderBytes + header.length;
    if (this.#filled < end) return;
    const asked = this.#asked;
    this.#asked = undefined;
    this.#filled = 0;
    asked?.answered(Buffer.from(this.#buffer.subarray(messageHeaderBytes, end)));
  }

  #problemOf({ request: number, isReply, length }: AnswerHeader): string | undefined {
    const asked = this.#asked;
    if (asked === undefined) return `nothing was asked, and it sends message ${number}`;
    if (!isReply || number !== request[asked.name]) return `it is message ${number}, or no answer at all`;
    if (length > longestAnswer) return `it has ${length} bytes`;
    return this.#filled > messageHeaderBytes + length ? "there are bytes behind it" : undefined;
  }

  #broken(error: unknown): void {
    if (this.#finish(error)) this.#options.ended(error);
  }

  /** False when it has ended before. */
  #finish(error: unknown): boolean {
    if (this.#end !== undefined) return false;
    this.#end = { error };
    this.#watch.close();
    this.#options.sys.descriptors.close(this.#fd);
    this.#asked?.failed(error);
    this.#asked = undefined;
    return true;
  }
}
