import { type Duplex, duplexPair } from "node:stream";
import { KataError } from "../../../../src/core/errors/error.js";
import { createLogger, type Logger } from "../../../../src/core/log.js";
import { ReadStreamResponse, WriteStreamRequest } from "../../../../src/core/proto/gen/kata/agent.js";
import { createClient } from "../../../../src/core/rpc/client.js";
import { ClientConnection } from "../../../../src/core/rpc/client-connection.js";
import type { Client, Implementation } from "../../../../src/core/rpc/definition.js";
import { frameTypes, headerLength, writeHeader } from "../../../../src/core/rpc/frame.js";
import { FrameDecoder } from "../../../../src/core/rpc/frame-decoder.js";
import { Server, type ServerOptions } from "../../../../src/core/rpc/server.js";

const types = { requestType: WriteStreamRequest, responseType: ReadStreamResponse };

/** A service with a method of every shape. */
export const ProbeDefinition = {
  name: "Probe",
  fullName: "test.Probe",
  methods: {
    unary: { name: "Unary", ...types, requestStream: false, responseStream: false, options: {} },
    download: { name: "Download", ...types, requestStream: false, responseStream: true, options: {} },
    upload: { name: "Upload", ...types, requestStream: true, responseStream: false, options: {} },
    chat: { name: "Chat", ...types, requestStream: true, responseStream: true, options: {} },
  },
} as const;

export type ProbeImplementation = Implementation<typeof ProbeDefinition>;
export type ProbeClient = Client<typeof ProbeDefinition>;

export const request = (text: string): WriteStreamRequest =>
  WriteStreamRequest.fromPartial({ containerId: text, data: Buffer.from(text) });
export const response = (text: string): ReadStreamResponse => ({ data: Buffer.from(text) });
export const textOf = (message: { data: Uint8Array }): string => Buffer.from(message.data).toString();

/** Two ends of a connection. As with sockets, and unlike with `duplexPair` alone, one ends when the other is destroyed. */
export function socketPair(): [Duplex, Duplex] {
  const [a, b] = duplexPair();
  const link = (from: Duplex, to: Duplex) =>
    from.on("close", () => {
      if (!from.writableFinished && !to.destroyed) to.push(null);
    });
  link(a, b);
  link(b, a);
  return [a, b];
}

/** A logger and the lines it got. */
export function recordingLogger(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  return { log: createLogger((line) => lines.push(line), "trace"), lines };
}

export interface Fixture {
  readonly client: ProbeClient;
  readonly connection: ClientConnection;
  readonly server: Server;
  /** The byte streams under the client and the server. */
  readonly clientEnd: Duplex;
  readonly serverEnd: Duplex;
  readonly lines: string[];
}

/** A client and a server of the probe service, joined in memory. */
export function join(
  implementation: ProbeImplementation,
  options: ServerOptions & { clientStallMs?: number } = {},
): Fixture {
  const { log, lines } = recordingLogger();
  const [clientEnd, serverEnd] = socketPair();
  const server = new Server({ log, ...options });
  server.addService(ProbeDefinition, implementation);
  server.serve(serverEnd, "the client");
  const stallMs = options.clientStallMs;
  const connection = new ClientConnection(clientEnd, {
    peer: "the probe",
    ...(stallMs === undefined ? {} : { stallMs }),
  });
  return { client: createClient(ProbeDefinition, connection), connection, server, clientEnd, serverEnd, lines };
}

/** A frame with any header. */
export function frame(streamId: number, type: number, flags: number, body: Uint8Array = new Uint8Array()): Uint8Array {
  const bytes = new Uint8Array(headerLength + body.length);
  bytes.set(body, headerLength);
  writeHeader(bytes, streamId, type, flags);
  return bytes;
}

export interface RawFrame {
  readonly streamId: number;
  readonly type: number;
  readonly flags: number;
  readonly body: Uint8Array;
}

/** One end of a connection that is driven by frames. */
export class RawPeer {
  readonly frames: RawFrame[] = [];
  readonly ended: Promise<void>;
  #wake: (() => void) | undefined;

  constructor(readonly duplex: Duplex) {
    const decoder = new FrameDecoder((streamId, type, flags, body) => {
      this.frames.push({ streamId, type, flags, body });
      this.#wake?.();
    }, "the other end");
    duplex.on("data", (piece: Uint8Array) => decoder.push(piece));
    duplex.on("error", () => duplex.destroy());
    this.ended = new Promise((resolve) => {
      duplex.on("end", resolve);
      duplex.on("close", resolve);
    });
  }

  send(bytes: Uint8Array): void {
    this.duplex.write(bytes);
  }

  /** The next frame nobody has taken. */
  async next(): Promise<RawFrame> {
    for (;;) {
      const first = this.frames.shift();
      if (first !== undefined) return first;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A server of the probe service and a raw peer that plays its client. */
export function rawClient(implementation: ProbeImplementation, options: ServerOptions = {}) {
  const { log, lines } = recordingLogger();
  const [near, far] = socketPair();
  const server = new Server({ log, ...options });
  server.addService(ProbeDefinition, implementation);
  const connection = server.serve(far, "the raw client");
  return { server, connection, peer: new RawPeer(near), lines };
}

/** A client of the probe service and a raw peer that plays its server. */
export function rawServer(stallMs?: number) {
  const { log, lines } = recordingLogger();
  const [near, far] = socketPair();
  const options = { peer: "the raw server", log, ...(stallMs === undefined ? {} : { stallMs }) };
  const connection = new ClientConnection(near, options);
  return { client: createClient(ProbeDefinition, connection), connection, peer: new RawPeer(far), lines };
}

/** The `KataError` a promise rejects with; fails when it does not. */
export async function failure(promise: Promise<unknown>): Promise<KataError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof KataError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

/** All messages of a stream, as text. */
export async function texts(stream: AsyncIterable<{ data: Uint8Array }>): Promise<string[]> {
  const found: string[] = [];
  for await (const message of stream) found.push(textOf(message));
  return found;
}

export async function* messages(...words: string[]): AsyncGenerator<WriteStreamRequest> {
  for (const word of words) yield request(word);
}

/** Settles when `condition` holds; the test's own timeout ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets everything happen that needs no more input. */
export async function settle(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export const responseFrame = (streamId: number, body: Uint8Array) => frame(streamId, frameTypes.response, 0, body);
