import { expect } from "chai";
import type { InputSource } from "../../../../src/core/io/input-source.js";
import { pumpInput } from "../../../../src/core/io/pump-input.js";

function sourceOf(...chunks: string[]): InputSource & { closed: boolean } {
  return {
    closed: false,
    read: async () => {
      const next = chunks.shift();
      return next === undefined ? undefined : Buffer.from(next);
    },
    expectEnd: () => undefined,
    close() {
      this.closed = true;
    },
  };
}

describe("pumpInput", () => {
  it("tells the end only after everything was taken", async () => {
    const seen: string[] = [];
    const source = sourceOf("a", "b", "c");
    const write = async (data: Uint8Array): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(Buffer.from(data).toString());
    };
    await pumpInput(source, write, async () => {
      seen.push("end");
    });
    expect(seen).to.deep.equal(["a", "b", "c", "end"]);
    expect(source.closed).to.equal(true);
  });

  it("closes the source and tells no end when the process takes no more", async () => {
    const source = sourceOf("a", "b");
    let told = false;
    const error = await pumpInput(
      source,
      () => Promise.reject(new Error("gone")),
      async () => {
        told = true;
      },
    ).catch((cause: unknown) => cause);
    expect(error).to.have.property("message", "gone");
    expect(source.closed).to.equal(true);
    expect(told).to.equal(false);
  });

  it("passes nothing on once it is aborted", async () => {
    const abort = new AbortController();
    abort.abort();
    const calls: string[] = [];
    const note = (what: string) => async (): Promise<void> => void calls.push(what);
    await pumpInput(sourceOf("a"), note("write"), note("end"), abort.signal);
    expect(calls).to.deep.equal([]);
  });
});
