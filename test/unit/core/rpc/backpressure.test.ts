import { expect } from "chai";
import { createClient } from "../../../../src/core/rpc/client.js";
import { ClientConnection } from "../../../../src/core/rpc/client-connection.js";
import { queueLimits } from "../../../../src/core/rpc/message-queue.js";
import { Request } from "../../../../src/core/proto/gen/ttrpc/ttrpc.js";
import { encodeRequest, encodeRoute } from "../../../../src/core/rpc/frame-encoder.js";
import { Server } from "../../../../src/core/rpc/server.js";
import {
  failure,
  join,
  ProbeDefinition,
  RawPeer,
  request,
  response,
  responseFrame,
  settle,
  socketPair,
  textOf,
  texts,
} from "./fixture.js";

const kilobytes = (count: number) => ({ containerId: "", execId: "", data: Buffer.alloc(count << 10) });
const never = 2 ** 31 - 1;

/** A client whose peer reads nothing until it is told to. */
function deafServer() {
  const [near, far] = socketPair();
  const connection = new ClientConnection(near, { peer: "the deaf server" });
  return { client: createClient(ProbeDefinition, connection), connection, near, far };
}

describe("backpressure", () => {
  it("keeps calls back while the peer does not read, and sends them in order when it does", async () => {
    const { client, connection, near, far } = deafServer();
    const calls = Array.from({ length: 100 }, (_, i) => client.unary({ ...kilobytes(10), containerId: String(i) }));
    await settle();
    expect(near.writableLength).to.be.below(64 << 10);
    expect(connection.pending).to.equal(100);
    const peer = new RawPeer(far);
    const order: string[] = [];
    for (let i = 0; i < 100; i++) {
      const { streamId, body } = await peer.next();
      expect(streamId).to.equal(2 * i + 1);
      order.push(ProbeDefinition.methods.unary.requestType.decode(Request.decode(body).payload).containerId);
      peer.send(responseFrame(streamId, new Uint8Array()));
    }
    await Promise.all(calls);
    expect(order).to.deep.equal(Array.from({ length: 100 }, (_, i) => String(i)));
  });

  it("never sends a call that was given up while it was kept back", async () => {
    const { client, connection, far } = deafServer();
    const first = client.unary(kilobytes(100));
    const abort = new AbortController();
    const aborted = failure(client.unary(kilobytes(1), { signal: abort.signal }));
    const late = failure(client.unary(kilobytes(1), { deadlineMs: 5 }));
    abort.abort();
    expect((await aborted).status).to.equal("CANCELLED");
    expect((await late).status).to.equal("DEADLINE_EXCEEDED");
    expect(connection.pending).to.equal(1);
    const peer = new RawPeer(far);
    peer.send(responseFrame((await peer.next()).streamId, new Uint8Array()));
    await first;
    await settle();
    expect(peer.frames).to.deep.equal([]);
  });

  it("pulls requests of a stream no faster than the peer reads them", async () => {
    const { client, near, far } = deafServer();
    let pulled = 0;
    async function* source() {
      for (; pulled < 1000; pulled++) yield kilobytes(4);
    }
    const upload = client.upload(source());
    await settle(100);
    expect(pulled).to.be.within(1, 20);
    expect(near.writableLength).to.be.below(64 << 10);
    const peer = new RawPeer(far);
    let got = 0;
    while (((await peer.next()).flags & 4) === 0) got++;
    // The request, and then a thousand messages.
    expect([got, pulled]).to.deep.equal([1001, 1000]);
    peer.send(responseFrame(1, new Uint8Array()));
    await upload;
  });

  it("reads no more calls while their answers are not taken", async () => {
    const [near, far] = socketPair();
    let handled = 0;
    const server = new Server();
    server.addService(ProbeDefinition, {
      unary: () => {
        handled++;
        return { data: Buffer.alloc(8 << 10) };
      },
    });
    server.serve(far);
    const route = encodeRoute("test.Probe", "Unary");
    const type = ProbeDefinition.methods.unary.requestType;
    let sent = 0;
    const next = () => {
      const streamId = 2 * sent++ + 1;
      const parts = { streamId, flags: 0, route, type, message: kilobytes(1), timeout: 0n, metadata: [], what: "" };
      return near.write(encodeRequest(parts));
    };
    for (let i = 0; i < 1000; i++) {
      if (!next()) await settle(3);
    }
    expect(handled).to.be.within(1, 60);
    expect(far.writableLength).to.be.below(1 << 20);
    const peer = new RawPeer(near);
    for (let i = 0; i < sent; i++) expect((await peer.next()).body.length).to.be.above(8 << 10);
    expect(handled).to.equal(1000);
  });

  it("pauses a producer whose stream nobody reads, and loses nothing", async () => {
    let produced = 0;
    const { client } = join(
      {
        async *download() {
          for (; produced < 3000; produced++) yield { data: Buffer.alloc(4096, produced) };
        },
      },
      { clientStallMs: never },
    );
    const iterator = client.download(request(""))[Symbol.asyncIterator]();
    await settle(300);
    const ahead = produced;
    expect(ahead).to.be.within(queueLimits.messages / 2, queueLimits.messages * 2);
    let taken = 0;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      expect(next.value.data[4095]).to.equal(taken++ & 255);
    }
    expect([taken, produced]).to.deep.equal([3000, 3000]);
  });

  it("gives up a stream nobody reads, so that other calls go on", async () => {
    const { client, connection } = join(
      {
        unary: async () => response("through"),
        async *download() {
          for (let i = 0; i < 3000; i++) yield { data: Buffer.alloc(4096) };
        },
      },
      { clientStallMs: 20 },
    );
    const iterator = client.download(request(""))[Symbol.asyncIterator]();
    await settle(300);
    expect(textOf(await client.unary(request("")))).to.equal("through");
    const error = await failure(iterator.next());
    expect([error.code, error.status]).to.deep.equal(["KATA_RPC_STREAM_STALLED", "RESOURCE_EXHAUSTED"]);
    expect(error.message).to.match(
      /^test.Probe\/Download: nobody took a message from the probe for 20 ms while \d+ bytes were queued$/,
    );
    expect(connection.pending).to.equal(0);
  });

  it("gives up a stream whose handler does not read, and says so to the caller", async () => {
    let reason: unknown;
    const { client } = join(
      {
        unary: async () => response("through"),
        upload: (_, { signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener("abort", () => {
              reason = signal.reason;
              reject(new Error("stopped"));
            });
          }),
      },
      { stallMs: 20 },
    );
    async function* source() {
      for (let i = 0; i < 3000; i++) yield kilobytes(4);
    }
    const upload = failure(client.upload(source()));
    await settle(100);
    const unary = client.unary(request(""));
    expect((await upload).status).to.equal("RESOURCE_EXHAUSTED");
    expect(textOf(await unary)).to.equal("through");
    expect(String(reason)).to.include("test.Probe/Upload: nobody took a message from the client for 20 ms");
  });

  it("does not give up a stream that is read slowly", async () => {
    const { client } = join(
      {
        async *download() {
          for (let i = 0; i < queueLimits.messages * 2; i++) yield response(String(i));
        },
      },
      { clientStallMs: 1000 },
    );
    const iterator = client.download(request(""))[Symbol.asyncIterator]();
    const first = await iterator.next();
    await settle(100);
    const found = [first];
    for (let i = 0; i < 25; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      found.push(await iterator.next());
    }
    const rest = await texts({ [Symbol.asyncIterator]: () => iterator });
    expect(found.length + rest.length).to.equal(queueLimits.messages * 2);
  });

  it("does not give up a stream that was full once and has been read since", async () => {
    const count = queueLimits.messages + 50;
    let go: (() => void) | undefined;
    const { client } = join(
      {
        async *download() {
          for (let i = 0; i < count; i++) yield response(String(i));
          await new Promise<void>((resolve) => {
            go = resolve;
          });
          yield response("last");
        },
      },
      { clientStallMs: 30 },
    );
    const iterator = client.download(request(""))[Symbol.asyncIterator]();
    for (let i = 0; i < count; i++) {
      await iterator.next();
      if (i === 0) await settle();
    }
    await new Promise((resolve) => setTimeout(resolve, 60));
    go?.();
    expect(await texts({ [Symbol.asyncIterator]: () => iterator })).to.deep.equal(["last"]);
  });

  it("refuses one call more than a connection may have", async () => {
    const { client } = join({ unary: () => new Promise(() => undefined) }, { maxCalls: 3 });
    for (let i = 0; i < 3; i++) client.unary(request("")).catch(() => undefined);
    const error = await failure(client.unary(request("")));
    expect(error.status).to.equal("RESOURCE_EXHAUSTED");
    expect(error.message).to.include("3 calls run on this connection already");
  });
});
