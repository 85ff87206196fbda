import { expect } from "chai";
import { KataError } from "../../../../src/core/errors/error.js";
import { statusCodes, type Status } from "../../../../src/core/errors/status.js";
import { ReadStreamResponse } from "../../../../src/core/proto/gen/kata/agent.js";
import { HealthDefinition } from "../../../../src/core/proto/gen/kata/health.js";
import { Response } from "../../../../src/core/proto/gen/ttrpc/ttrpc.js";
import { createClient } from "../../../../src/core/rpc/client.js";
import type { CallContext } from "../../../../src/core/rpc/definition.js";
import type { ServerOptions } from "../../../../src/core/rpc/server.js";
import { bodyLimit } from "../../../../src/core/rpc/frame.js";
import { failure, join, ProbeDefinition, rawServer, request, response, responseFrame, textOf } from "./fixture.js";

describe("unary calls", () => {
  it("carry the request there and the answer back", async () => {
    const { client } = join({ unary: async (req) => response(`${req.containerId}!`) });
    expect(textOf(await client.unary(request("hello")))).to.equal("hello!");
  });

  it("take an implementation that answers without a promise, and keep its `this`", async () => {
    class Probe {
      readonly #greeting = "hi";
      unary() {
        return response(this.#greeting);
      }
    }
    expect(textOf(await join(new Probe()).client.unary(request("")))).to.equal("hi");
  });

  it("run at the same time and are answered in any order", async () => {
    const release = new Map<string, (answer: ReadStreamResponse) => void>();
    const { client, connection } = join({
      unary: (req) => new Promise((resolve) => release.set(req.containerId, resolve)),
    });
    const names = Array.from({ length: 200 }, (_, i) => `call ${i}`);
    const order: string[] = [];
    const calls = names.map(async (name) => {
      const answer = textOf(await client.unary(request(name)));
      order.push(name);
      return answer;
    });
    while (release.size < names.length) await new Promise((resolve) => setImmediate(resolve));
    expect(connection.pending).to.equal(names.length);
    for (const name of names.toReversed()) release.get(name)?.(response(`to ${name}`));
    expect(await Promise.all(calls)).to.deep.equal(names.map((name) => `to ${name}`));
    expect(order).to.deep.equal(names.toReversed());
    expect(connection.pending).to.equal(0);
  });

  it("tell the handler the service, the method, the peer, the deadline and the metadata", async () => {
    let seen: CallContext | undefined;
    const { client } = join({
      unary: (_, context) => {
        seen = context;
        return response("");
      },
    });
    const before = Date.now();
    await client.unary(request(""), {
      deadlineMs: 60_000,
      metadata: { "Containerd-Namespace-Ttrpc": "k8s.io", many: ["a", "b"] },
    });
    expect([seen?.service, seen?.method, seen?.peer]).to.deep.equal(["test.Probe", "Unary", "the client"]);
    expect(seen?.deadline).to.be.within(before + 50_000, before + 70_000);
    expect([...(seen?.metadata ?? [])]).to.deep.equal([
      ["containerd-namespace-ttrpc", ["k8s.io"]],
      ["many", ["a", "b"]],
    ]);
    expect(seen?.signal.aborted).to.equal(false);
    await client.unary(request(""));
    expect(seen?.deadline).to.equal(undefined);
    expect(seen?.metadata.size).to.equal(0);
  });

  for (const status of Object.keys(statusCodes) as Status[]) {
    it(`carry ${status} from the handler to the caller`, async () => {
      const { client } = join({
        unary: () => {
          throw new KataError("KATA_TEST", status, "it is so", { cause: new Error("deep down") });
        },
      });
      const error = await failure(client.unary(request("")));
      expect(error.status).to.equal(status);
      expect(error.code).to.equal(`KATA_RPC_${status}`);
      expect(error.message).to.equal("test.Probe/Unary on the probe: it is so: deep down");
    });
  }

  it("carry the codes of an error and of its causes behind its message where the server is to say them", async () => {
    const cause = new KataError("KATA_TEST_CAUSE", "UNKNOWN", "deep down");
    const failing = (options: ServerOptions) =>
      join({ unary: () => Promise.reject(new KataError("KATA_TEST", "NOT_FOUND", "it is so", { cause })) }, options);
    const error = await failure(failing({ codes: true }).client.unary(request("")));
    expect(error.status).to.equal("NOT_FOUND");
    expect(error.message).to.match(/: it is so: deep down \[KATA_TEST, KATA_TEST_CAUSE\]$/);
    expect((await failure(failing({}).client.unary(request("")))).message).to.match(/deep down$/);
  });

  it("answer any other failure with UNKNOWN and log it", async () => {
    const { client, lines } = join({ unary: () => Promise.reject(new TypeError("x is not a function")) });
    const error = await failure(client.unary(request("")));
    expect(error.status).to.equal("UNKNOWN");
    expect(error.message).to.include("x is not a function");
    expect(lines.join("\n")).to.match(/level=warning msg="a call failed".*method=test.Probe\/Unary/);
  });

  it("of an unknown service or method, and of one left out, are UNIMPLEMENTED", async () => {
    const { client, connection } = join({ unary: undefined });
    expect((await failure(client.unary(request("")))).message).to.include("does not implement Unary");
    expect((await failure(client.upload((async function* () {})()))).status).to.equal("UNIMPLEMENTED");
    const health = createClient(HealthDefinition, connection);
    const missing = await failure(health.check({ service: "" }));
    expect([missing.status, missing.message]).to.deep.equal([
      "UNIMPLEMENTED",
      "grpc.Health/Check on the probe: there is no service grpc.Health",
    ]);
    const other = { ...ProbeDefinition, methods: { unary: { ...ProbeDefinition.methods.unary, name: "Other" } } };
    const error = await failure(createClient(other, connection).unary(request("")));
    expect(error.status).to.equal("UNIMPLEMENTED");
    expect(error.message).to.include("has no method Other");
  });

  it("take messages of exactly the limit both ways and refuse one byte more", async () => {
    const { client } = join({ unary: (req) => ({ data: req.data }) });
    const of = (length: number) => ({ containerId: "", execId: "", data: Buffer.alloc(length, 1) });
    // What surrounds `length` bytes of data in the body of a request: tags, lengths, the service and the method.
    const around = 4 + 1 + 4 + 1 + (2 + "test.Probe".length) + (2 + "Unary".length);
    const most = bodyLimit - around;
    expect((await client.unary(of(most))).data.length).to.equal(most);
    const error = await failure(client.unary(of(most + 1)));
    expect([error.code, error.status]).to.deep.equal(["KATA_RPC_FRAME_TOO_LARGE", "RESOURCE_EXHAUSTED"]);
    expect(error.message).to.equal(
      `the request of test.Probe/Unary is ${bodyLimit + 1} bytes long; a ttrpc message has at most ${bodyLimit}`,
    );
    expect((await client.unary(of(1))).data.length).to.equal(1);
  });

  it("whose answer is too large fail alone, with RESOURCE_EXHAUSTED", async () => {
    const { client } = join({ unary: (req) => ({ data: Buffer.alloc(Number(req.containerId)) }) });
    const error = await failure(client.unary(request(String(bodyLimit))));
    expect(error.status).to.equal("RESOURCE_EXHAUSTED");
    expect(error.message).to.include("the answer of test.Probe/Unary is");
    expect((await client.unary(request("5"))).data.length).to.equal(5);
  });

  it("whose request or answer cannot be encoded fail alone", async () => {
    const wrong: unknown = { data: "not bytes" };
    const { client } = join({
      unary: (req) => (req.containerId === "wrong" ? (wrong as ReadStreamResponse) : response("ok")),
    });
    const bad: unknown = { containerId: "", execId: "", data: 5n };
    const own = await failure(client.unary(bad as ReturnType<typeof request>));
    expect(own.code).to.equal("KATA_RPC_ENCODE");
    expect((await failure(client.unary(request("wrong")))).status).to.equal("INTERNAL");
    expect(textOf(await client.unary(request("")))).to.equal("ok");
  });

  it("whose answer is garbage fail alone", async () => {
    const { client, peer } = rawServer();
    const first = failure(client.unary(request("")));
    peer.send(responseFrame((await peer.next()).streamId, Uint8Array.of(0xff, 0xff, 0xff)));
    expect((await first).code).to.equal("KATA_RPC_MALFORMED");
    const second = failure(client.unary(request("")));
    const payload = Uint8Array.of(0x0a, 0x7f);
    peer.send(responseFrame((await peer.next()).streamId, Response.encode({ status: undefined, payload }).finish()));
    expect((await second).code).to.equal("KATA_RPC_MALFORMED");
    const third = client.unary(request(""));
    peer.send(responseFrame((await peer.next()).streamId, new Uint8Array()));
    expect((await third).data.length).to.equal(0);
  });

  it("take a status of the peer that does not exist for UNKNOWN, and no more of its text than is sane", async () => {
    const { client, peer } = rawServer();
    for (const code of [99, -1]) {
      const call = failure(client.unary(request("")));
      const status = { code, message: "m".repeat(1 << 20), details: [] };
      peer.send(
        responseFrame((await peer.next()).streamId, Response.encode({ status, payload: new Uint8Array() }).finish()),
      );
      const error = await call;
      expect(error.status).to.equal("UNKNOWN");
      expect(error.message.length).to.be.below(10_000);
    }
  });

  it("take status code 0 for an answer", async () => {
    const { client, peer } = rawServer();
    const call = client.unary(request(""));
    const status = { code: 0, message: "", details: [] };
    const payload = ReadStreamResponse.encode(response("fine")).finish();
    peer.send(responseFrame((await peer.next()).streamId, Response.encode({ status, payload }).finish()));
    expect(textOf(await call)).to.equal("fine");
  });
});
