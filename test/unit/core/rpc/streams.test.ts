import { expect } from "chai";
import { ReadStreamResponse, WriteStreamRequest } from "../../../../src/core/proto/gen/kata/agent.js";
import { Request, Response } from "../../../../src/core/proto/gen/ttrpc/ttrpc.js";
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
  responseFrame,
  settle,
  textOf,
  texts,
  until,
} from "./fixture.js";

const encoded = (text: string) => WriteStreamRequest.encode(request(text)).finish();
const answer = (text: string) => ReadStreamResponse.encode(response(text)).finish();

function openFrame(streamId: number, method: string, flags: number, message?: WriteStreamRequest): Uint8Array {
  const route = encodeRoute("test.Probe", method);
  const type = ProbeDefinition.methods.upload.requestType;
  return encodeRequest({ streamId, flags, route, type, message, timeout: 0n, metadata: [], what: "" });
}

describe("streams", () => {
  it("carry many answers to one request", async () => {
    const { client, connection } = join({
      async *download(req) {
        for (let i = 0; i < 1000; i++) yield response(`${req.containerId} ${i}`);
      },
    });
    const found = await texts(client.download(request("n")));
    expect(found).to.deep.equal(Array.from({ length: 1000 }, (_, i) => `n ${i}`));
    expect(connection.pending).to.equal(0);
  });

  it("carry many requests to one answer, and none at all", async () => {
    const { client } = join({
      async upload(requests) {
        const found: string[] = [];
        for await (const next of requests) found.push(textOf(next));
        return response(found.join("+"));
      },
    });
    expect(textOf(await client.upload(messages("a", "b", "c")))).to.equal("a+b+c");
    expect(textOf(await client.upload(messages()))).to.equal("");
  });

  it("carry requests and answers at the same time", async () => {
    const { client } = join({
      async *chat(requests) {
        for await (const next of requests) yield response(`re: ${textOf(next)}`);
        yield response("bye");
      },
    });
    let hear: (word: string) => void = () => undefined;
    async function* talk() {
      let word = "start";
      while (word !== "re: stop") {
        yield request(word === "start" ? "hello" : "stop");
        word = await new Promise<string>((resolve) => {
          hear = resolve;
        });
      }
    }
    const found: string[] = [];
    for await (const message of client.chat(talk())) {
      found.push(textOf(message));
      hear(textOf(message));
    }
    expect(found).to.deep.equal(["re: hello", "re: stop", "bye"]);
  });

  it("run beside each other and beside unary calls", async () => {
    const { client } = join({
      unary: async (req) => response(req.containerId),
      async *download(req) {
        for (let i = 0; i < 50; i++) {
          await new Promise((resolve) => setImmediate(resolve));
          yield response(`${req.containerId}${i}`);
        }
      },
    });
    const names = ["a", "b", "c", "d"];
    const all = await Promise.all([
      ...names.map((name) => texts(client.download(request(name)))),
      ...names.map(async (name) => [textOf(await client.unary(request(name)))]),
    ]);
    for (const [i, name] of names.entries()) {
      expect(all[i]).to.deep.equal(Array.from({ length: 50 }, (_, n) => `${name}${n}`));
      expect(all[i + names.length]).to.deep.equal([name]);
    }
  });

  it("deliver what came before the handler failed, then its status", async () => {
    const { client } = join({
      async *download() {
        yield response("one");
        throw new RangeError("no two");
      },
    });
    const found: string[] = [];
    const error = await failure(
      (async () => {
        for await (const message of client.download(request(""))) found.push(textOf(message));
      })(),
    );
    expect(found).to.deep.equal(["one"]);
    expect([error.status, error.message]).to.deep.equal(["UNKNOWN", "test.Probe/Download on the probe: no two"]);
  });

  it("deliver empty messages, which are not the end", async () => {
    const { client } = join({
      async *chat(requests) {
        for await (const next of requests) yield { data: next.data };
      },
    });
    async function* empty() {
      yield request("");
      yield request("");
    }
    expect(await texts(client.chat(empty()))).to.deep.equal(["", ""]);
  });

  it("begin when they are iterated, each time anew", async () => {
    let calls = 0;
    const { client } = join({
      async *download() {
        calls++;
        yield response("x");
      },
    });
    const stream = client.download(request(""));
    await settle();
    expect(calls).to.equal(0);
    await texts(stream);
    await texts(stream);
    expect(calls).to.equal(2);
  });

  it("stop the requests when the server answers before their end", async () => {
    let returned = false;
    const { client } = join({ upload: async () => response("enough") });
    async function* endless() {
      try {
        for (;;) {
          await new Promise((resolve) => setImmediate(resolve));
          yield request("more");
        }
      } finally {
        returned = true;
      }
    }
    expect(textOf(await client.upload(endless()))).to.equal("enough");
    await until(() => returned);
  });

  it("fail when the requests fail, and do not pretend that they have ended", async () => {
    let ended = false;
    const { client } = join({
      async upload(requests) {
        for await (const _ of requests);
        ended = true;
        return response("all of it");
      },
    });
    async function* half() {
      yield request("half");
      throw new Error("disk gone");
    }
    const error = await failure(client.upload(half()));
    expect([error.status, (error.cause as Error).message]).to.deep.equal(["CANCELLED", "disk gone"]);
    await settle();
    expect(ended).to.equal(false);
  });

  it("fail when a request cannot be encoded", async () => {
    const { client } = join({ upload: async (requests) => response(String((await texts(requests)).length)) });
    const wrong: unknown = { containerId: "", execId: "", data: 1n };
    async function* bad() {
      yield wrong as WriteStreamRequest;
    }
    expect((await failure(client.upload(bad()))).message).to.include("sending the requests failed");
  });

  it("end the requests of a caller that wants no more answers", async () => {
    let heard: string[] | undefined;
    const { client } = join({
      async *chat(requests) {
        yield response("one");
        yield response("two");
        heard = await texts(requests);
      },
    });
    async function* waiting() {
      yield request("here");
      await new Promise(() => undefined);
    }
    for await (const _ of client.chat(waiting())) break;
    await until(() => heard !== undefined);
    expect(heard).to.deep.equal(["here"]);
  });

  it("on the wire are what containerd's ttrpc speaks: the client's part", async () => {
    const { client, peer } = rawServer();
    const upload = client.upload(messages("a"));
    const open = await peer.next();
    expect([open.streamId, open.type, open.flags]).to.deep.equal([1, 1, 2]);
    expect(Request.decode(open.body).payload.length).to.equal(0);
    const data = await peer.next();
    expect([data.streamId, data.type, data.flags]).to.deep.equal([1, 3, 0]);
    expect(WriteStreamRequest.decode(data.body).containerId).to.equal("a");
    const end = await peer.next();
    expect([end.streamId, end.type, end.flags, end.body.length]).to.deep.equal([1, 3, 5, 0]);
    peer.send(responseFrame(1, Response.encode({ status: undefined, payload: answer("done") }).finish()));
    expect(textOf(await upload)).to.equal("done");

    const download = texts(client.download(request("b")));
    const closed = await peer.next();
    expect([closed.streamId, closed.type, closed.flags]).to.deep.equal([3, 1, 1]);
    expect(WriteStreamRequest.decode(Request.decode(closed.body).payload).containerId).to.equal("b");
    peer.send(frame(3, 3, 0, answer("x")));
    peer.send(frame(3, 3, 1, answer("last, with the end")));
    expect(await download).to.deep.equal(["x", "last, with the end"]);
  });

  it("may end with a response: empty for nothing more, else with one more message", async () => {
    const { client, peer } = rawServer();
    for (const last of ["", "last"]) {
      const download = texts(client.download(request("")));
      const { streamId } = await peer.next();
      peer.send(frame(streamId, 3, 0, answer("x")));
      const payload = last === "" ? new Uint8Array() : answer(last);
      peer.send(responseFrame(streamId, Response.encode({ status: undefined, payload }).finish()));
      expect(await download).to.deep.equal(last === "" ? ["x"] : ["x", last]);
    }
  });

  it("on the wire are what containerd's ttrpc speaks: the server's part", async () => {
    const { peer } = rawClient({
      upload: async (requests) => response((await texts(requests)).join("+")),
      async *download(req) {
        yield response(req.containerId);
      },
    });
    // Go's client puts a first message into the request when it is given one.
    peer.send(openFrame(1, "Upload", 2, request("in the request")));
    peer.send(frame(1, 3, 0, encoded("data")));
    peer.send(frame(1, 3, 5));
    const uploaded = await peer.next();
    expect([uploaded.streamId, uploaded.type, uploaded.flags]).to.deep.equal([1, 2, 0]);
    const { payload } = Response.decode(uploaded.body);
    expect(textOf(ReadStreamResponse.decode(payload))).to.equal("in the request+data");

    peer.send(openFrame(3, "Download", 1, request("d")));
    const data = await peer.next();
    expect([data.streamId, data.type, data.flags]).to.deep.equal([3, 3, 0]);
    const end = await peer.next();
    expect([end.streamId, end.type, end.flags, end.body.length]).to.deep.equal([3, 3, 5, 0]);
  });

  it("of a peer that breaks the protocol fail alone", async () => {
    const { client, peer } = rawServer();
    const unary = failure(client.unary(request("")));
    peer.send(frame((await peer.next()).streamId, 3, 0, answer("x")));
    expect((await unary).code).to.equal("KATA_RPC_PROTOCOL");

    const upload = failure(client.upload(messages()));
    peer.send(frame((await peer.next()).streamId, 3, 0, answer("x")));
    expect((await upload).code).to.equal("KATA_RPC_PROTOCOL");
    await peer.next();

    const download = failure(texts(client.download(request(""))));
    peer.send(frame((await peer.next()).streamId, 3, 0, Uint8Array.of(0xff)));
    expect((await download).code).to.equal("KATA_RPC_MALFORMED");

    const last = client.unary(request(""));
    peer.send(responseFrame((await peer.next()).streamId, new Uint8Array()));
    await last;
  });

  it("take no data where the method has no stream of requests", async () => {
    const { peer } = rawClient({ unary: () => new Promise(() => undefined) });
    peer.send(openFrame(1, "Unary", 2, request("")));
    peer.send(frame(1, 3, 5));
    peer.send(frame(1, 3, 0, encoded("data")));
    const { status } = Response.decode((await peer.next()).body);
    expect([status?.code, status?.message]).to.deep.equal([3, "test.Probe/Unary takes no stream"]);
  });

  it("give a handler that reads garbage INVALID_ARGUMENT, which is then the answer", async () => {
    const { peer } = rawClient({ upload: async (requests) => response((await texts(requests)).join("")) });
    peer.send(openFrame(1, "Upload", 2));
    peer.send(frame(1, 3, 0, Uint8Array.of(0xff)));
    expect(Response.decode((await peer.next()).body).status?.code).to.equal(3);
  });
});
