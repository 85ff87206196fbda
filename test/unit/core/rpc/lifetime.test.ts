import { expect } from "chai";
import { createClient } from "../../../../src/core/rpc/client.js";
import { ClientConnection } from "../../../../src/core/rpc/client-connection.js";
import { Response } from "../../../../src/core/proto/gen/ttrpc/ttrpc.js";
import { encodeRequest, encodeRoute } from "../../../../src/core/rpc/frame-encoder.js";
import {
  failure,
  frame,
  join,
  messages,
  ProbeDefinition,
  rawClient,
  rawServer,
  request,
  response,
  settle,
  socketPair,
  textOf,
  texts,
  until,
} from "./fixture.js";

const forever = () => new Promise<never>(() => undefined);

describe("the loss of a connection", () => {
  it("fails every pending call, naming its method and the peer", async () => {
    const { client, connection, peer } = rawServer();
    const unary = failure(client.unary(request("")));
    const download = failure(texts(client.download(request(""))));
    const upload = failure(
      client.upload(
        (async function* () {
          yield request("x");
          await forever();
        })(),
      ),
    );
    await peer.next();
    peer.duplex.destroy();
    for (const [call, method] of [
      [unary, "Unary"],
      [download, "Download"],
      [upload, "Upload"],
    ] as const) {
      const error = await call;
      expect(error.code).to.equal("KATA_RPC_CONNECTION_LOST");
      expect(error.message).to.equal(
        `test.Probe/${method}: the connection to the raw server ended before the call did`,
      );
    }
    expect(connection.pending).to.equal(0);
    await connection.ended;
  });

  it("keeps the error of the byte stream as the cause", async () => {
    const { client, connection, clientEnd } = join({ unary: forever });
    const call = failure(client.unary(request("")));
    const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    clientEnd.destroy(reset);
    const { cause } = await call;
    expect(cause).to.include({ code: "KATA_RPC_CONNECTION_BROKEN", message: "the connection to the probe broke" });
    expect((cause as Error).cause).to.equal(reset);
    expect(await connection.ended).to.equal(cause);
  });

  it("in the middle of an answer says so", async () => {
    const { client, peer } = rawServer();
    const call = failure(client.unary(request("")));
    await peer.next();
    peer.duplex.end(frame(1, 2, 0, Buffer.alloc(100)).subarray(0, 50));
    expect((await call).cause).to.include({ code: "KATA_RPC_FRAME_TRUNCATED" });
  });

  it("still delivers what came before", async () => {
    const { client, peer } = rawServer();
    const iterator = client.download(request(""))[Symbol.asyncIterator]();
    await peer.next();
    const payload = ProbeDefinition.methods.download.responseType.encode(response("before")).finish();
    peer.send(frame(1, 3, 0, payload));
    peer.duplex.end();
    await settle();
    expect(textOf((await iterator.next()).value ?? response(""))).to.equal("before");
    expect((await failure(iterator.next())).code).to.equal("KATA_RPC_CONNECTION_LOST");
  });

  it("aborts the signals of the handlers and takes no answers from them", async () => {
    const reasons: unknown[] = [];
    let finish: (() => void) | undefined;
    let generatorEnded = false;
    const { client, server, clientEnd } = join({
      unary: (_, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => reasons.push(signal.reason));
          finish = () => resolve(response("nobody hears"));
        }),
      async *download(_, { signal }) {
        try {
          for (;;) {
            yield response("x");
            await new Promise((resolve) => setImmediate(resolve));
          }
        } finally {
          generatorEnded = true;
          reasons.push(signal.reason);
        }
      },
    });
    client.unary(request("")).catch(() => undefined);
    texts(client.download(request(""))).catch(() => undefined);
    await settle();
    clientEnd.destroy();
    await until(() => generatorEnded && server.connections === 0);
    expect(reasons).to.have.length(2);
    for (const reason of reasons) expect(reason).to.include({ code: "KATA_RPC_CONNECTION_LOST" });
    finish?.();
    await settle();
  });

  it("makes a signal that is asked for afterwards already aborted", async () => {
    let late: AbortSignal | undefined;
    const { client, clientEnd } = join({
      unary: async (_, context) => {
        await until(() => clientEnd.destroyed);
        await settle();
        late = context.signal;
        return response("");
      },
    });
    client.unary(request("")).catch(() => undefined);
    await settle();
    clientEnd.destroy();
    await until(() => late !== undefined);
    expect(late?.aborted).to.equal(true);
    expect(late?.reason).to.include({ code: "KATA_RPC_CONNECTION_LOST" });
  });
});

describe("closing a server", () => {
  it("lets running calls finish, refuses new ones, and then ends the connections", async () => {
    let finish: (() => void) | undefined;
    const { client, server, connection } = join({
      unary: () =>
        new Promise((resolve) => {
          finish = () => resolve(response("finished"));
        }),
    });
    const running = client.unary(request("running"));
    await until(() => finish !== undefined);
    const closed = server.close();
    const refused = await failure(client.unary(request("new")));
    expect([refused.status, refused.message]).to.deep.equal([
      "UNAVAILABLE",
      "test.Probe/Unary on the probe: the server is closing",
    ]);
    finish?.();
    expect(textOf(await running)).to.equal("finished");
    await closed;
    expect(await connection.ended).to.equal(undefined);
    expect(server.connections).to.equal(0);
  });

  it("lets a stream finish, to its last message", async () => {
    let go: (() => void) | undefined;
    const { client, server } = join({
      async *download() {
        yield response("first");
        await new Promise<void>((resolve) => {
          go = resolve;
        });
        yield { data: Buffer.alloc(1 << 20, "x") };
      },
    });
    const download = texts(client.download(request("")));
    await until(() => go !== undefined);
    const closed = server.close();
    go?.();
    expect((await download).map((text) => text.length)).to.deep.equal([5, 1 << 20]);
    await closed;
  });

  it("ends idle connections at once and serves none afterwards", async () => {
    const { server, connection } = join({});
    await server.close();
    expect(await connection.ended).to.equal(undefined);
    const [near, far] = socketPair();
    server.serve(far);
    const late = new ClientConnection(near, { peer: "the closed" });
    await late.ended;
    expect((await failure(createClient(ProbeDefinition, late).unary(request("")))).code).to.equal("KATA_RPC_CLOSED");
  });

  it("gives up after its deadline, saying how many calls still run", async () => {
    let aborted = false;
    const { client, server } = join({
      unary: (_, { signal }) =>
        new Promise(() => {
          signal.addEventListener("abort", () => {
            aborted = true;
          });
        }),
    });
    const call = failure(client.unary(request("")));
    await settle();
    const error = await failure(server.close(20));
    expect([error.code, error.message]).to.deep.equal([
      "KATA_DEADLINE",
      "waited 20 ms for calls to be answered; 1 still run",
    ]);
    expect((await call).code).to.equal("KATA_RPC_CONNECTION_LOST");
    expect(aborted).to.equal(true);
    await until(() => server.connections === 0);
  });

  it("by destroying it stops everything now, for a reason the handlers see", async () => {
    let reason: unknown;
    const { client, server } = join({
      unary: (_, { signal }) =>
        new Promise(() => {
          signal.addEventListener("abort", () => {
            reason = signal.reason;
          });
        }),
    });
    const call = failure(client.unary(request("")));
    await settle();
    const why = new Error("the sandbox is gone");
    server.destroy(why);
    expect((await call).code).to.equal("KATA_RPC_CONNECTION_LOST");
    expect(reason).to.include({ code: "KATA_RPC_CONNECTION_LOST" });
    expect(((reason as Error).cause as Error).cause).to.equal(why);
  });

  it("by destroying it in a handler runs no call that came with that one", async () => {
    let runs = 0;
    const { peer, server } = rawClient({
      unary: () => {
        runs++;
        server.destroy(new Error("enough"));
        return response("");
      },
    });
    const calls = [1, 3].map((streamId) => {
      const { requestType: type } = ProbeDefinition.methods.unary;
      const route = encodeRoute("test.Probe", "Unary");
      return encodeRequest({
        streamId,
        flags: 0,
        route,
        type,
        message: request(""),
        timeout: 0n,
        metadata: [],
        what: "",
      });
    });
    peer.send(Buffer.concat(calls));
    await peer.ended;
    expect([runs, peer.frames.length]).to.deep.equal([1, 0]);
  });

  it("refuses the same service twice", () => {
    const { server } = join({});
    expect(() => server.addService(ProbeDefinition, {})).to.throw("the service test.Probe is already served");
  });
});

describe("closing a client", () => {
  it("waits for its pending calls and takes no new ones", async () => {
    let finish: (() => void) | undefined;
    const { client, connection, server } = join({
      unary: () =>
        new Promise((resolve) => {
          finish = () => resolve(response("in time"));
        }),
    });
    const pending = client.unary(request(""));
    await until(() => finish !== undefined);
    const closed = connection.close();
    expect((await failure(client.unary(request("")))).code).to.equal("KATA_RPC_CLOSED");
    finish?.();
    expect(textOf(await pending)).to.equal("in time");
    await closed;
    expect(await connection.ended).to.equal(undefined);
    await until(() => server.connections === 0);
  });

  it("gives pending calls up after its deadline", async () => {
    const { client, connection } = join({ unary: forever });
    const call = failure(client.unary(request("")));
    const error = await failure(connection.close(10));
    expect(error.message).to.equal("waited 10 ms for 1 calls to the probe to end");
    expect((await call).code).to.equal("KATA_RPC_CONNECTION_LOST");
  });

  it("by destroying it fails its calls, for a reason they show", async () => {
    const { client, connection } = join({ unary: forever, upload: forever });
    const calls = [failure(client.unary(request(""))), failure(client.upload(messages("a")))];
    connection.destroy(new Error("guest panicked"));
    for (const call of calls) expect(((await call).cause as Error).cause).to.include({ message: "guest panicked" });
    expect(await connection.ended).to.include({ code: "KATA_RPC_DESTROYED" });
  });

  it("twice, or after the connection was lost, is no error", async () => {
    const { connection, clientEnd } = join({});
    await Promise.all([connection.close(), connection.close()]);
    connection.destroy(new Error("late"));
    const other = join({});
    other.clientEnd.destroy();
    await other.connection.ended;
    await other.connection.close();
    expect(clientEnd.destroyed).to.equal(true);
  });

  it("works when the answer and the end arrive together", async () => {
    const { client, connection, peer } = rawServer();
    const call = client.unary(request(""));
    await peer.next();
    const payload = ProbeDefinition.methods.unary.responseType.encode(response("last words")).finish();
    peer.duplex.end(frame(1, 2, 0, Response.encode({ status: undefined, payload }).finish()));
    expect(textOf(await call)).to.equal("last words");
    expect(await connection.ended).to.equal(undefined);
  });
});
