import { writeFileSync } from "node:fs";
import { expect } from "chai";
import { FifoInput } from "../../../../src/core/io/fifo-input.js";
import { pumpInput } from "../../../../src/core/io/pump-input.js";
import { fifoWriter, pattern, sys, workspace } from "./fixture.js";

describe("FifoInput", () => {
  let work: ReturnType<typeof workspace>;
  let path: string;
  let input: FifoInput;

  beforeEach(() => {
    work = workspace();
    path = work.path("in");
    sys.fifos.create(path);
    input = FifoInput.open(sys, path);
  });

  afterEach(() => {
    input.close();
    work.remove();
  });

  const text = async (): Promise<string | undefined> => {
    const chunk = await input.read(65_536);
    return chunk === undefined ? undefined : Buffer.from(chunk).toString();
  };

  it("does not end before its first writer has come, and ends when its last one has gone, without CloseIO", async () => {
    const pending = text();
    const [first, second] = [await fifoWriter(path), await fifoWriter(path)];
    first.end("one");
    expect(await pending).to.equal("one");
    second.end("two");
    expect(await text()).to.equal("two");
    expect(await text()).to.equal(undefined);
  });

  it("ends with a writer that writes nothing", async () => {
    const pending = text();
    (await fifoWriter(path)).end();
    expect(await pending).to.equal(undefined);
  });

  it("outlives a writer when it is told to, and reads what the next one writes", async () => {
    input.close();
    input = FifoInput.open(sys, path, { outlivesWriters: true });
    const first = await fifoWriter(path);
    first.end("one");
    expect(await text()).to.equal("one");
    const pending = text();
    const second = await fifoWriter(path);
    second.end("two");
    expect(await pending).to.equal("two");
  });

  it("ends after CloseIO, when the writer has gone and everything was read", async () => {
    const writer = await fifoWriter(path);
    await new Promise<void>((resolve) => writer.write("before", () => resolve()));
    input.expectEnd();
    await new Promise<void>((resolve) => writer.write(" and after", () => resolve()));
    expect(await text()).to.equal("before and after");
    const end = text();
    writer.end();
    expect(await end).to.equal(undefined);
    expect(await text()).to.equal(undefined);
  });

  it("ends after CloseIO when there is no writer at all", async () => {
    input.expectEnd();
    input.expectEnd();
    expect(await text()).to.equal(undefined);
  });

  it("passes thousands of small writes on together, in order, and the end after them", async () => {
    const bytes = pattern(40_000);
    const writer = await fifoWriter(path);
    const sizes: number[] = [];
    const received: Buffer[] = [];
    let ended = false;
    const take = async (data: Uint8Array): Promise<void> => {
      expect(ended).to.equal(false);
      await new Promise((resolve) => setTimeout(resolve, 20));
      sizes.push(data.length);
      received.push(Buffer.from(data));
    };
    const pumping = pumpInput(input, take, async () => {
      ended = true;
    });
    for (let at = 0; at < bytes.length; at += 8) writer.write(bytes.subarray(at, at + 8));
    writer.end();
    input.expectEnd();
    await pumping;
    expect(Buffer.concat(received).equals(bytes)).to.equal(true);
    expect(ended).to.equal(true);
    expect(sizes.length).to.be.below(500);
  });

  it("gives at most what is asked for, losing nothing of megabytes", async () => {
    const bytes = pattern(3 << 20);
    const writer = await fifoWriter(path);
    writer.end(bytes);
    input.expectEnd();
    const received: Buffer[] = [];
    for (let chunk = await input.read(10_000); chunk !== undefined; chunk = await input.read(10_000)) {
      expect(chunk.length).to.be.within(1, 10_000);
      received.push(Buffer.from(chunk));
    }
    expect(Buffer.concat(received).equals(bytes)).to.equal(true);
  });

  it("stops taking when nobody reads: the writer waits", async () => {
    const writer = await fifoWriter(path);
    let written = 0;
    const more = (): void => {
      writer.write(Buffer.alloc(16_384), () => {
        if (writer.destroyed) return;
        written += 16_384;
        more();
      });
    };
    more();
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
    const before = written;
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(written).to.equal(before);
    expect(written).to.be.below(512 * 1024);
    writer.on("error", () => undefined);
    writer.destroy();
  });

  it("ends a pending read when it is closed, and its writers get EPIPE", async () => {
    const writer = await fifoWriter(path);
    const pending = text();
    input.close();
    expect(await pending).to.equal(undefined);
    const failed = new Promise<Error>((resolve) => writer.once("error", resolve));
    const write = (): void => void writer.write("x", (error) => error ?? setImmediate(write));
    write();
    expect(await failed).to.have.property("code", "EPIPE");
  });

  it("refuses what is no fifo", () => {
    const file = work.path("file");
    writeFileSync(file, "");
    expect(() => FifoInput.open(sys, file))
      .to.throw(/stdin/)
      .with.property("code", "KATA_IO_NOT_FIFO");
  });
});
