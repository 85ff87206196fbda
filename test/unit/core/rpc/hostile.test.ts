import { expect } from "chai";
import fc from "fast-check";
import { ReadStreamResponse } from "../../../../src/core/proto/gen/kata/agent.js";
import { Response } from "../../../../src/core/proto/gen/ttrpc/ttrpc.js";
import { bodyLimit } from "../../../../src/core/rpc/frame.js";
import { encodeRequest, encodeRoute } from "../../../../src/core/rpc/frame-encoder.js";
import {
  failure,
  frame,
  ProbeDefinition,
  rawClient,
  rawServer,
  request,
  response,
  settle,
  textOf,
  until,
} from "./fixture.js";

const route = encodeRoute("test.Probe", "Unary");
const type = ProbeDefinition.methods.unary.requestType;
const call = (streamId: number) =>
  encodeRequest({ streamId, flags: 0, route, type, message: request("x"), timeout: 0n, metadata: [], what: "" });
const statusIn = (body: Uint8Array) => Response.decode(body).status;

function withLength(bytes: Uint8Array, length: number): Uint8Array {
  new DataView(bytes.buffer).setUint32(0, length);
  return bytes;
}

describe("a server with a hostile client", () => {
  const endings: [string, Uint8Array, string][] = [
    ["a frame of an unknown type", frame(1, 9, 0), "KATA_RPC_FRAME_INVALID"],
    ["a response", frame(1, 2, 0), "KATA_RPC_FRAME_INVALID"],
    ["a length above the limit", withLength(frame(1, 1, 0), bodyLimit + 1), "KATA_RPC_FRAME_TOO_LARGE"],
    ["text of another protocol", Buffer.from("GET / HTTP/1.1\r\n\r\n"), "KATA_RPC_FRAME_INVALID"],
  ];
  for (const [what, bytes, code] of endings) {
    it(`ends the connection at ${what}, says why in the log, and stops its handlers`, async () => {
      let reason: unknown;
      const unary = (_: unknown, { signal }: { signal: AbortSignal }) =>
        new Promise<never>(() => signal.addEventListener("abort", () => (reason = signal.reason)));
      const { peer, lines, server } = rawClient({ unary });
      peer.send(call(1));
      peer.send(withStream(bytes, 3));
      await peer.ended;
      await until(() => server.connections === 0);
      expect(lines.filter((line) => line.includes("level=warning"))).to.have.length(1);
      expect(lines.join("\n")).to.include(`code=${code}`).and.to.include('peer="the raw client"');
      expect(reason).to.include({ code: "KATA_RPC_CONNECTION_LOST" });
      expect((reason as Error).cause).to.include({ code });
    });
  }

  it("ends the connection when it stops in the middle of a frame", async () => {
    const { peer, lines } = rawClient({});
    peer.duplex.end(call(1).subarray(0, 20));
    await peer.ended;
    await until(() => lines.length > 0);
    expect(lines.join("\n")).to.include("code=KATA_RPC_FRAME_TRUNCATED");
  });

  it("says nothing when it leaves between two frames", async () => {
    const { peer, lines, server } = rawClient({ unary: () => response("x") });
    peer.send(call(1));
    await peer.next();
    peer.duplex.end();
    await until(() => server.connections === 0);
    expect(lines).to.deep.equal([]);
  });

  it("refuses stream ids that are even, used, or below one that was used, and goes on", async () => {
    const { peer } = rawClient({ unary: () => response("x") });
    for (const [streamId, message] of [
      [2, "the stream id of a client must be odd"],
      [0, "the stream id of a client must be odd"],
      [7, undefined],
      [7, "the stream id must be above 7, the last one used"],
      [5, "the stream id must be above 7, the last one used"],
      [0xffffffff, undefined],
      [1, "the stream id must be above 4294967295, the last one used"],
    ] as const) {
      peer.send(call(streamId));
      const answer = await peer.next();
      expect(answer.streamId).to.equal(streamId);
      expect(statusIn(answer.body)?.message).to.equal(message);
      if (message !== undefined) expect(statusIn(answer.body)?.code).to.equal(3);
    }
  });

  it("does not run a handler twice for one stream id", async () => {
    let runs = 0;
    const { peer } = rawClient({
      unary: () => {
        runs++;
        return new Promise(() => undefined);
      },
    });
    peer.send(call(1));
    peer.send(call(1));
    expect(statusIn((await peer.next()).body)?.code).to.equal(3);
    expect(runs).to.equal(1);
  });

  it("refuses data on a stream that was never opened and drops it on one that has ended", async () => {
    const { peer } = rawClient({ unary: () => response("x") });
    peer.send(call(3));
    await peer.next();
    peer.send(frame(3, 3, 0));
    peer.send(frame(1, 3, 0));
    peer.send(frame(4, 3, 0));
    peer.send(frame(9, 3, 0));
    for (const streamId of [4, 9]) {
      const answer = await peer.next();
      expect([answer.streamId, statusIn(answer.body)?.code]).to.deep.equal([streamId, 3]);
    }
    await settle();
    expect(peer.frames).to.deep.equal([]);
  });

  it("answers requests that cannot be decoded with INVALID_ARGUMENT and goes on", async () => {
    const { peer } = rawClient({ unary: () => response("x") });
    peer.send(frame(1, 1, 0, Uint8Array.of(0xff, 0xff)));
    expect(statusIn((await peer.next()).body)).to.include({
      code: 3,
      message: "the request cannot be decoded: premature EOF",
    });
    const garbage = {
      encode: (_: string, w?: Parameters<typeof type.encode>[1]) =>
        w?.raw(Uint8Array.of(0x0a, 0x50)) ?? type.encode(request("")),
      decode: () => "",
    };
    peer.send(
      encodeRequest({ streamId: 3, flags: 0, route, type: garbage, message: "", timeout: 0n, metadata: [], what: "" }),
    );
    expect(statusIn((await peer.next()).body)?.message).to.include("the request of test.Probe/Unary cannot be decoded");
    peer.send(call(5));
    expect(statusIn((await peer.next()).body)).to.equal(undefined);
  });

  it("looks up neither services nor methods in an object's prototype", async () => {
    const { peer } = rawClient({ unary: () => response("x") });
    let streamId = 1;
    for (const [service, method] of [
      ["__proto__", "constructor"],
      ["test.Probe", "constructor"],
      ["test.Probe", "__proto__"],
    ] as const) {
      peer.send(
        encodeRequest({
          streamId,
          flags: 0,
          route: encodeRoute(service, method),
          type,
          message: request(""),
          timeout: 0n,
          metadata: [],
          what: "",
        }),
      );
      expect(statusIn((await peer.next()).body)?.code).to.equal(12);
      streamId += 2;
    }
  });

  it("survives any bytes and any frames: the process, the other connections, and the log", async () => {
    const anyFrame = fc.record({
      streamId: fc.integer({ min: 0, max: 6 }),
      type: fc.integer({ min: 0, max: 4 }),
      flags: fc.integer({ min: 0, max: 7 }),
      body: fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.constant(call(1).subarray(10))),
    });
    const methods = fc.constantFrom("Unary", "Download", "Upload", "Chat");
    const open = fc.tuple(methods, fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 9 }));
    const step = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      anyFrame.map((f) => frame(f.streamId, f.type, f.flags, f.body)),
      open.map(([method, flags, streamId]) => {
        const parts = { streamId, flags, route: encodeRoute("test.Probe", method), type, message: request("m") };
        return encodeRequest({ ...parts, timeout: 0n, metadata: [], what: "" });
      }),
    );
    const implementation = {
      unary: () => response("u"),
      async *download() {
        yield response("d");
      },
      upload: async (requests: AsyncIterable<unknown>) => {
        for await (const _ of requests);
        return response("done");
      },
      async *chat(requests: AsyncIterable<unknown>) {
        for await (const _ of requests) yield response("c");
      },
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
        const { peer, server } = rawClient(implementation);
        for (const bytes of steps) {
          if (!peer.duplex.destroyed) peer.send(bytes);
          await settle(1);
        }
        peer.duplex.end();
        await until(() => server.connections === 0);
        for (const { body } of peer.frames.filter((f) => f.type === 2)) {
          const answer = Response.decode(body);
          if (answer.status === undefined) ReadStreamResponse.decode(answer.payload);
        }
      }),
      { numRuns: 150 },
    );
  });
});

function withStream(bytes: Uint8Array, streamId: number): Uint8Array {
  if (bytes.length !== 10) return bytes;
  new DataView(bytes.buffer).setUint32(4, streamId);
  return bytes;
}

describe("a client with a hostile server", () => {
  const endings: [string, Uint8Array, string][] = [
    ["a frame of an unknown type", frame(1, 0, 0), "KATA_RPC_FRAME_INVALID"],
    ["a request", frame(1, 1, 0), "KATA_RPC_FRAME_INVALID"],
    ["an answer on an even stream", frame(2, 2, 0), "KATA_RPC_FRAME_INVALID"],
    ["an answer on a stream that was never opened", frame(5, 2, 0), "KATA_RPC_FRAME_INVALID"],
    ["data on a stream that was never opened", frame(5, 3, 0), "KATA_RPC_FRAME_INVALID"],
    ["a length above the limit", withLength(frame(1, 2, 0), 0xffffffff), "KATA_RPC_FRAME_TOO_LARGE"],
  ];
  for (const [what, bytes, code] of endings) {
    it(`ends the connection at ${what} and fails every call`, async () => {
      const { client, connection, peer, lines } = rawServer();
      const calls = [failure(client.unary(request("a"))), failure(client.unary(request("b"), { deadlineMs: 60_000 }))];
      await peer.next();
      peer.send(bytes);
      for (const error of await Promise.all(calls)) {
        expect([error.code, error.status]).to.deep.equal(["KATA_RPC_CONNECTION_LOST", "UNAVAILABLE"]);
        expect(error.message).to.equal("test.Probe/Unary: the connection to the raw server ended before the call did");
        expect(error.cause).to.include({ code });
      }
      expect(await connection.ended).to.include({ code });
      expect(lines.join("\n")).to.include(`code=${code}`);
      expect((await failure(client.unary(request("")))).code).to.equal("KATA_RPC_CLOSED");
      expect(connection.pending).to.equal(0);
    });
  }

  it("survives any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 }), async (pieces) => {
        const { client, connection, peer } = rawServer();
        const answered = client.unary(request("")).then(textOf, (error: Error) => error);
        await peer.next();
        for (const piece of pieces) if (!peer.duplex.destroyed) peer.send(piece);
        peer.duplex.end();
        await answered;
        await connection.ended;
        expect(connection.pending).to.equal(0);
      }),
      { numRuns: 150 },
    );
  });
});
