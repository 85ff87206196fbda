import type { Watch } from "../../../../../src/core/sys/descriptors.js";
import type { Sys } from "../../../../../src/core/sys/sys.js";
import { request, type RequestName } from "../../../../../src/vmm/virtio/vhost-user/message.js";

/** A request as the daemon got it. */
export interface GotRequest {
  readonly name: string;
  readonly payload: Buffer;
  readonly needsReply: boolean;
  readonly fds: readonly number[];
}

/** What the daemon answers to a request: the bytes of a payload, of a whole message, nothing, or the end of the connection. */
export type Script = (got: GotRequest) => { payload: Buffer } | { raw: Buffer } | "silence" | "hang up" | undefined;

/** Everything that virtio has and the device needs, and the protocol's features. */
export const allFeatures = (1n << 28n) | (1n << 29n) | (1n << 30n) | (1n << 32n);

const names = Object.fromEntries(Object.entries(request).map(([name, number]) => [number, name]));

export const bits = (value: bigint): Buffer => {
  const payload = Buffer.alloc(8);
  payload.writeBigUInt64LE(value);
  return payload;
};

/** An answer as it is on the socket; flags are those of an answer unless told. */
export function answerTo(name: RequestName, payload: Buffer, flags = 5): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt32LE(request[name], 0);
  header.writeUInt32LE(flags, 4);
  header.writeUInt32LE(payload.length, 8);
  return Buffer.concat([header, payload]);
}

/** A daemon of the vhost-user protocol that serves nothing: it notes what it is told and answers as a script says. */
export class FakeDaemon {
  readonly got: GotRequest[] = [];
  /** Undefined: the usual answer. */
  script: Script = () => undefined;
  protocol = 0xfn;
  readonly #sys: Sys;
  readonly #listening: number;
  readonly #watches: Watch[] = [];
  #connection: number | undefined;

  constructor(sys: Sys, path: string) {
    this.#sys = sys;
    this.#listening = sys.sockets.listenUnix(path);
    this.#watches.push(
      sys.descriptors.watch(this.#listening, { readable: true }, () => {
        const accepted = sys.sockets.accept(this.#listening);
        if (accepted === undefined) return;
        this.#connection = accepted.fd;
        this.#watches.push(sys.descriptors.watch(accepted.fd, { readable: true }, () => this.#readable()));
      }),
    );
  }

  get names(): string[] {
    return this.got.map(({ name }) => name);
  }

  hangUp(): void {
    this.#watches.at(-1)?.close();
    if (this.#connection !== undefined) this.#sys.descriptors.close(this.#connection);
    this.#connection = undefined;
  }

  send(bytes: Buffer): void {
    if (this.#connection !== undefined) this.#sys.sockets.send(this.#connection, bytes);
  }

  close(): void {
    for (const watch of this.#watches) watch.close();
    this.hangUp();
    this.#sys.descriptors.close(this.#listening);
    for (const { fds } of this.got) for (const fd of fds) this.#sys.descriptors.close(fd);
  }

  #readable(): void {
    const fd = this.#connection;
    if (fd === undefined) return;
    const header = Buffer.alloc(12);
    const first = this.#sys.sockets.receiveDescriptors(fd, header);
    if (first === undefined) return;
    if (first.length === 0) return this.hangUp();
    const payload = Buffer.alloc(header.readUInt32LE(8));
    if (payload.length > 0) this.#sys.sockets.receive(fd, payload);
    const number = header.readUInt32LE(0);
    const got = {
      name: names[number] ?? `${number}`,
      payload,
      needsReply: (header.readUInt32LE(4) & 8) !== 0,
      fds: first.fds,
    };
    this.got.push(got);
    const scripted = this.script(got);
    if (scripted === "silence") return;
    if (scripted === "hang up") return this.hangUp();
    if (scripted !== undefined && "raw" in scripted) return this.send(scripted.raw);
    const answer = scripted?.payload ?? this.#usual(got);
    if (answer !== undefined) this.send(answerTo(got.name as RequestName, answer));
  }

  #usual({ name, needsReply, payload }: GotRequest): Buffer | undefined {
    if (name === "getFeatures") return bits(allFeatures);
    if (name === "getProtocolFeatures") return bits(this.protocol);
    if (name === "getQueueNum") return bits(8n);
    if (name === "getVringBase") return payload;
    return needsReply ? bits(0n) : undefined;
  }
}
