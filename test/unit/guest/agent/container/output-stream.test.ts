import { expect } from "chai";
import { PassThrough } from "node:stream";
import { OutputStream } from "../../../../../guest/agent/container/output-stream.js";

const never = new AbortController().signal;
const textOf = (data: Uint8Array | undefined): string | undefined => data && Buffer.from(data).toString();

describe("OutputStream", () => {
  let stream: PassThrough;
  let output: OutputStream;
  let drained: number;

  beforeEach(() => {
    drained = 0;
    stream = new PassThrough();
    output = new OutputStream(stream, () => (drained += 1));
  });

  it("gives readers their turn", async () => {
    const reads = [output.read(2, never), output.read(2, never), output.read(9, never)];
    stream.write("abcde");
    expect((await Promise.all(reads)).map(textOf)).to.deep.equal(["ab", "cd", "e"]);
  });

  it("takes nothing for a reader that has given up", async () => {
    const abort = new AbortController();
    const given = output.read(9, abort.signal).catch((error: unknown) => error);
    abort.abort(new Error("gone"));
    expect(await given)
      .to.be.an("error")
      .with.property("message", "gone");
    stream.write("kept");
    expect(textOf(await output.read(9, never))).to.equal("kept");
    expect(await output.read(9, AbortSignal.abort()).catch(() => "refused")).to.equal("refused");
  });

  it("gives what is left before it tells the end, and is drained when that was told", async () => {
    stream.end("rest");
    await new Promise((resolve) => setImmediate(resolve));
    expect(textOf(await output.read(2, never))).to.equal("re");
    expect(textOf(await output.read(9, never))).to.equal("st");
    expect(output.drained).to.equal(false);
    expect(await output.read(9, never)).to.equal(undefined);
    expect(output.drained).to.equal(true);
    expect(await output.read(9, never)).to.equal(undefined);
    expect(drained).to.equal(1);
  });

  it("tells the end to all who wait, also when it comes as an error", async () => {
    const reads = [output.read(1, never), output.read(1, never)];
    stream.destroy(new Error("EIO"));
    expect(await Promise.all(reads)).to.deep.equal([undefined, undefined]);
  });

  it("ends when it is closed, whatever was left", async () => {
    stream.write("lost");
    output.close();
    expect(await output.read(9, never)).to.equal(undefined);
    expect(output.drained).to.equal(true);
  });
});
