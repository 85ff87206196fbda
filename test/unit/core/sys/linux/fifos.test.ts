import { once } from "node:events";
import { closeSync, mkdirSync, openSync, symlinkSync, writeFileSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { readAll, temporaryDirectory, thrown } from "../fixture.js";

describe("fifos", () => {
  const { fifos, descriptors } = createLinuxSys();
  const temporary = temporaryDirectory();
  let path: string;

  beforeEach(() => {
    path = join(temporary.path, "fifo");
    fifos.create(path);
  });

  it("carry bytes from a writer that comes later to its end", async () => {
    const reader = fifos.stream(path, "read");
    const all = readAll(reader);
    await new Promise((resolve) => setImmediate(resolve));
    const writer = fifos.stream(path, "write", { holdOtherEnd: false });
    const bytes = Buffer.alloc(1 << 20, "abcdefghij");
    writer.end(bytes);
    expect((await all).equals(bytes)).to.equal(true);
    if (!writer.closed) await once(writer, "close");
  });

  it("do not end when a reader that holds both ends sees a writer leave", async () => {
    const reader = fifos.stream(path, "read", { holdOtherEnd: true });
    let ended = false;
    reader.on("end", () => {
      ended = true;
    });
    for (const text of ["one", "two"]) {
      const data = once(reader, "data");
      const fd = openSync(path, "w");
      writeSync(fd, text);
      closeSync(fd);
      expect(String((await data)[0])).to.equal(text);
    }
    expect(ended).to.equal(false);
    reader.destroy();
  });

  it("keep what is written while nobody reads", async () => {
    const writer = fifos.stream(path, "write");
    await new Promise<unknown>((resolve) => writer.write("kept", resolve));
    const reader = fifos.stream(path, "read");
    expect(String((await once(reader, "data"))[0])).to.equal("kept");
    reader.destroy();
    writer.destroy();
  });

  it("refuse a writer without a reader only when it holds no reader itself", () => {
    expect(thrown(() => fifos.open(path, "write", { holdOtherEnd: false }))).to.equal("ENXIO");
    descriptors.close(fifos.open(path, "write"));
  });

  it("are told from anything else, which is not opened", async () => {
    writeFileSync(join(temporary.path, "file"), "");
    mkdirSync(join(temporary.path, "directory"));
    symlinkSync("fifo", join(temporary.path, "link"));
    const server = createServer().listen(join(temporary.path, "socket"));
    await once(server, "listening");
    for (const name of ["file", "directory", "link", "socket"]) {
      expect(
        thrown(() => fifos.open(join(temporary.path, name), "read")),
        name,
      ).to.equal("KATA_SYS_NOT_FIFO");
    }
    expect(() => fifos.open("/dev/null", "write")).to.throw("/dev/null should be a fifo and is a character device");
    expect(thrown(() => fifos.open(join(temporary.path, "none"), "read"))).to.equal("ENOENT");
    server.close();
  });
});
