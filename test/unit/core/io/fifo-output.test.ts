import { writeFileSync, mkdirSync, symlinkSync } from "node:fs";
import { expect } from "chai";
import { FifoOutput } from "../../../../src/core/io/fifo-output.js";
import { bytesWaiting } from "../../../../src/core/io/pipe-fill.js";
import { pumpOutput } from "../../../../src/core/io/pump-output.js";
import { chunked, fifoReader, pattern, readAll, sys, until, workspace } from "./fixture.js";

describe("FifoOutput", () => {
  let work: ReturnType<typeof workspace>;
  let path: string;
  let output: FifoOutput;

  beforeEach(() => {
    work = workspace();
    path = work.path("out");
    sys.fifos.create(path);
    output = FifoOutput.open(sys, "stdout", path);
  });

  afterEach(async () => {
    await output.close();
    work.remove();
  });

  it("delivers megabytes unchanged to a reader that comes when it likes", async () => {
    const bytes = pattern(8 << 20);
    const pumping = pumpOutput(chunked(bytes, 65_536), output);
    const received = await readAll(await fifoReader(path));
    await pumping;
    expect(received.equals(bytes)).to.equal(true);
  });

  it("keeps what nobody reads in the fifo, then waits; nothing is buffered here", async () => {
    let read = 0;
    const next = async (): Promise<Uint8Array> => {
      read += 1;
      return Buffer.alloc(65_536, read);
    };
    const abort = new AbortController();
    const pumping = pumpOutput(next, output, { signal: abort.signal });
    const probe = sys.fifos.open(path, "read");
    await until("the fifo to be full", () => bytesWaiting(sys, probe) === 65_536);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    // One in the fifo, one being written, one read ahead.
    expect(read).to.equal(3);
    sys.descriptors.close(probe);
    abort.abort();
    await output.close();
    await pumping;
  });

  it("outlives its reader: what is written meanwhile goes to the next", async () => {
    const first = await fifoReader(path);
    await output.write(Buffer.from("one "));
    const [chunk] = await new Promise<[Buffer]>((resolve) => first.once("data", (data: Buffer) => resolve([data])));
    expect(chunk.toString()).to.equal("one ");
    first.destroy();
    await new Promise((resolve) => first.once("close", resolve));

    await output.write(Buffer.from("two "));
    await output.write(Buffer.from("three"));
    const second = await fifoReader(path);
    output.end();
    expect((await readAll(second)).toString()).to.equal("two three");
  });

  it("keeps the last words of a process for a reader that comes after its end", async () => {
    await output.write(Buffer.from("last words"));
    output.end();
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1));
    expect((await readAll(await fifoReader(path))).toString()).to.equal("last words");
  });

  it("shows the end at once when everything was read", async () => {
    const reader = await fifoReader(path);
    const all = readAll(reader);
    await output.write(Buffer.from("x"));
    output.end();
    expect((await all).toString()).to.equal("x");
  });

  it("gives up a write that nobody takes when it is closed", async () => {
    await output.write(Buffer.alloc(65_536));
    const stuck = output.write(Buffer.from("more")).catch((error: unknown) => error);
    await output.close();
    expect(await stuck).to.have.property("code", "KATA_IO_CLOSED");
    expect(await output.write(Buffer.from("x")).catch((error: unknown) => error)).to.have.property(
      "code",
      "KATA_IO_CLOSED",
    );
  });

  it("refuses what is no fifo, naming it and what it is, without opening it", () => {
    const file = work.path("file");
    writeFileSync(file, "precious");
    const directory = work.path("directory");
    mkdirSync(directory);
    const link = work.path("link");
    symlinkSync(path, link);
    const open = (where: string) => () => FifoOutput.open(sys, "stderr", where);
    expect(open(file))
      .to.throw(/stderr ".*file".*regular file/)
      .with.property("code", "KATA_IO_NOT_FIFO");
    expect(open(directory))
      .to.throw(/directory/)
      .with.property("code", "KATA_IO_NOT_FIFO");
    expect(open(link))
      .to.throw(/symbolic link/)
      .with.property("code", "KATA_IO_NOT_FIFO");
    expect(open("/dev/null"))
      .to.throw(/character device/)
      .with.property("code", "KATA_IO_NOT_FIFO");
    expect(open(work.path("none")))
      .to.throw(/none/)
      .with.property("code", "KATA_IO_MISSING");
  });
});
