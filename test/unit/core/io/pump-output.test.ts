import { expect } from "chai";
import { nullSink, type OutputSink } from "../../../../src/core/io/output-sink.js";
import { pumpOutput } from "../../../../src/core/io/pump-output.js";
import { chunked, CollectingSink, pattern } from "./fixture.js";

describe("pumpOutput", () => {
  it("copies everything in order and then ends the sink", async () => {
    const bytes = pattern(300_000);
    const sink = new CollectingSink();
    await pumpOutput(chunked(bytes, 7001), sink);
    expect(Buffer.concat(sink.chunks).equals(bytes)).to.equal(true);
    expect(sink.ended).to.equal(true);
  });

  it("reads one chunk ahead of a sink that does not take any, and no further", async () => {
    let reads = 0;
    let release: () => void = () => undefined;
    const blocked = new Promise<void>((resolve) => {
      release = resolve;
    });
    const sink: OutputSink = { ...nullSink, write: () => blocked };
    const pumping = pumpOutput(async () => (++reads <= 50 ? Buffer.from([reads]) : undefined), sink);
    for (let i = 0; i < 100; i++) await Promise.resolve();
    expect(reads).to.equal(2);
    release();
    await pumping;
    expect(reads).to.equal(51);
  });

  it("goes on reading, and says so once, when the sink fails", async () => {
    const failures: unknown[] = [];
    const failure = new Error("disk full");
    let reads = 0;
    const sink: OutputSink = { ...nullSink, write: () => Promise.reject(failure) };
    await pumpOutput(async () => (++reads <= 5 ? Buffer.from("x") : undefined), sink, {
      onSinkFailure: (error) => failures.push(error),
    });
    expect(failures).to.deep.equal([failure]);
    expect(reads).to.equal(6);
  });

  it("rejects when reading fails, after ending the sink; also when that was the chunk read ahead", async () => {
    const sink = new CollectingSink();
    let reads = 0;
    const read = async (): Promise<Uint8Array> => {
      if (++reads > 1) throw new Error("the agent is lost");
      return Buffer.from("last words");
    };
    const error = await pumpOutput(read, sink).catch((cause: unknown) => cause);
    expect(error).to.have.property("message", "the agent is lost");
    expect(Buffer.concat(sink.chunks).toString()).to.equal("last words");
    expect(sink.ended).to.equal(true);
  });

  it("does not pass on empty chunks", async () => {
    const sink = new CollectingSink();
    const chunks = ["", "a", "", undefined];
    await pumpOutput(async () => {
      const next = chunks.shift();
      return next === undefined ? undefined : Buffer.from(next);
    }, sink);
    expect(sink.chunks.map(String)).to.deep.equal(["a"]);
  });

  it("ends when told, dropping what comes", async () => {
    const abort = new AbortController();
    const sink = new CollectingSink();
    const read = async (): Promise<Uint8Array> => {
      if (sink.chunks.length === 3) abort.abort();
      return Buffer.from("x");
    };
    await pumpOutput(read, sink, { signal: abort.signal });
    expect(sink.chunks.length).to.be.within(3, 4);
    expect(sink.ended).to.equal(true);
  });
});
