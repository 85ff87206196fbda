import { expect } from "chai";
import { Request, Response } from "../../../../src/core/proto/gen/ttrpc/ttrpc.js";
import { encodeRequest, encodeRoute } from "../../../../src/core/rpc/frame-encoder.js";
import {
  failure,
  join,
  ProbeDefinition,
  rawClient,
  rawServer,
  request,
  response,
  responseFrame,
  settle,
  until,
} from "./fixture.js";

const route = encodeRoute("test.Probe", "Unary");
const type = ProbeDefinition.methods.unary.requestType;

function unaryFrame(streamId: number, timeout: bigint): Uint8Array {
  return encodeRequest({ streamId, flags: 0, route, type, message: request("x"), timeout, metadata: [], what: "" });
}

/** A handler that runs until its signal is aborted, and the reasons it was. */
function stubborn() {
  const reasons: unknown[] = [];
  const unary = (_: unknown, context: { signal: AbortSignal }) =>
    new Promise<never>((_resolve, reject) => {
      context.signal.addEventListener("abort", () => {
        reasons.push(context.signal.reason);
        reject(new Error("stopped"));
      });
    });
  return { unary, reasons };
}

describe("deadlines", () => {
  it("end a call on the caller's side when the peer never answers", async () => {
    const { client, connection, peer } = rawServer();
    const error = await failure(client.unary(request(""), { deadlineMs: 20 }));
    expect([error.code, error.status]).to.deep.equal(["KATA_RPC_DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"]);
    expect(error.message).to.equal("test.Probe/Unary on the raw server: no answer within 20 ms");
    expect(connection.pending).to.equal(0);
    const { body } = await peer.next();
    expect(Number(Request.decode(body).timeoutNano)).to.be.within(1, 20_000_000);
  });

  it("leave the connection usable, and the late answer is dropped", async () => {
    const { client, peer } = rawServer();
    await failure(client.unary(request(""), { deadlineMs: 5 }));
    const late = await peer.next();
    peer.send(responseFrame(late.streamId, new Uint8Array()));
    const call = client.unary(request(""));
    const next = await peer.next();
    expect(next.streamId).to.equal(late.streamId + 2);
    peer.send(responseFrame(next.streamId, new Uint8Array()));
    await call;
  });

  it("are kept by the server, which answers for the handler and tells it to stop", async () => {
    const { unary, reasons } = stubborn();
    const { peer, connection } = rawClient({ unary });
    peer.send(unaryFrame(1, 10_000_000n));
    const answer = await peer.next();
    const { status } = Response.decode(answer.body);
    expect([answer.streamId, answer.type, status?.code]).to.deep.equal([1, 2, 4]);
    expect(status?.message).to.equal("test.Probe/Unary was not done within 10 ms");
    expect(connection.running).to.equal(0);
    expect(reasons.map(String)).to.deep.equal(["KataError: test.Probe/Unary was not done within 10 ms"]);
    await settle();
    expect(peer.frames).to.deep.equal([]);
  });

  it("have passed when negative, and never come when far away", async () => {
    const { unary } = stubborn();
    const { peer, connection } = rawClient({ unary });
    peer.send(unaryFrame(1, -5n));
    expect(Response.decode((await peer.next()).body).status?.code).to.equal(4);
    peer.send(unaryFrame(3, 2n ** 63n - 1n));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([connection.running, peer.frames.length]).to.deep.equal([1, 0]);
  });

  for (const deadlineMs of [0, -1, Number.NaN]) {
    it(`of ${deadlineMs} ms fail before anything is sent`, async () => {
      const { client, peer } = rawServer();
      expect((await failure(client.unary(request(""), { deadlineMs }))).status).to.equal("DEADLINE_EXCEEDED");
      await settle();
      expect(peer.frames).to.deep.equal([]);
    });
  }

  for (const deadlineMs of [2 ** 40, Number.POSITIVE_INFINITY]) {
    it(`of ${deadlineMs} ms are sent and do not fire at once`, async () => {
      const { client, connection, peer } = rawServer();
      const call = client.unary(request(""), { deadlineMs });
      const { body } = await peer.next();
      const wanted = Math.min(deadlineMs * 1e6, 2 ** 62);
      expect(Number(Request.decode(body).timeoutNano)).to.be.within(wanted * 0.999, wanted);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(connection.pending).to.equal(1);
      peer.send(responseFrame(1, new Uint8Array()));
      await call;
    });
  }

  it("leave no timer behind on either side when the call has been answered", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const { client } = join({ unary: async () => response("") });
    await client.unary(request(""));
    const before = timers();
    await Promise.all(Array.from({ length: 10 }, () => client.unary(request(""), { deadlineMs: 60_000 })));
    expect(timers()).to.equal(before);
  });

  it("of streams end the answers and the handler", async () => {
    let stopped: unknown;
    const { client } = join({
      async *download(_, { signal }) {
        yield response("first");
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        stopped = signal.reason;
      },
    });
    const found: number[] = [];
    const iterate = async () => {
      for await (const message of client.download(request(""), { deadlineMs: 30 })) found.push(message.data.length);
    };
    expect((await failure(iterate())).status).to.equal("DEADLINE_EXCEEDED");
    expect(found).to.deep.equal([5]);
    await until(() => stopped !== undefined);
    expect(String(stopped)).to.include("test.Probe/Download was not done within");
  });
});

describe("a caller's signal", () => {
  it("ends the call at once, with its reason as the cause", async () => {
    const { client, connection } = rawServer();
    const abort = new AbortController();
    const call = failure(client.unary(request(""), { signal: abort.signal }));
    const reason = new Error("changed my mind");
    abort.abort(reason);
    const error = await call;
    expect([error.code, error.status]).to.deep.equal(["KATA_RPC_CANCELLED", "CANCELLED"]);
    expect(error.cause).to.equal(reason);
    expect(connection.pending).to.equal(0);
  });

  it("that was aborted before sends nothing", async () => {
    const { client, peer } = rawServer();
    expect((await failure(client.unary(request(""), { signal: AbortSignal.abort() }))).status).to.equal("CANCELLED");
    await settle();
    expect(peer.frames).to.deep.equal([]);
  });

  it("has no listener left when the call has been answered", async () => {
    const { client } = join({ unary: async () => response("") });
    const { signal } = new AbortController();
    let listeners = 0;
    const count = (by: number, original: typeof signal.addEventListener): typeof signal.addEventListener =>
      function (this: AbortSignal, ...args: Parameters<typeof signal.addEventListener>) {
        listeners += by;
        return original.apply(this, args);
      };
    signal.addEventListener = count(1, signal.addEventListener.bind(signal));
    signal.removeEventListener = count(-1, signal.removeEventListener.bind(signal));
    await client.unary(request(""), { signal });
    expect(listeners).to.equal(0);
  });

  it("ends a stream, whose handler cannot know of it", async () => {
    const abort = new AbortController();
    const { client } = join({
      async *download(_, { signal }) {
        yield response("one");
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    });
    const iterator = client.download(request(""), { signal: abort.signal })[Symbol.asyncIterator]();
    expect((await iterator.next()).done).to.equal(false);
    const next = failure(iterator.next());
    abort.abort();
    expect((await next).status).to.equal("CANCELLED");
    expect(await iterator.next()).to.deep.equal({ done: true, value: undefined });
  });
});
