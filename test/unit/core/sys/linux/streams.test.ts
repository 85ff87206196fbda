import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { expect } from "chai";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { SocketFamily, SocketType } from "../../../../../src/core/sys/socket-address.js";
import { readAll, rejected, thrown } from "../fixture.js";

const sum = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const openFds = (): number => readdirSync("/proc/self/fd").length;

describe("streams over descriptors", () => {
  const sys = createLinuxSys();
  const { descriptors, sockets, terminals } = sys;
  const bulk = Buffer.alloc(16 << 20);
  for (let i = 0; i < bulk.length; i += 4) bulk.writeUInt32LE((i * 2654435761) >>> 0, i);

  async function closed(...streams: Duplex[]): Promise<void> {
    await Promise.all(
      streams.map(async (stream) => {
        stream.destroy();
        if (!stream.closed) await once(stream, "close");
      }),
    );
  }

  it("carry 16 MiB both ways over a socket and end each way on its own", async () => {
    const before = openFds();
    const [left, right] = sockets.pair();
    const [a, b] = [descriptors.stream(left), descriptors.stream(right)];
    expect(a).to.be.instanceOf(Socket);
    a.end(bulk);
    expect(sum(await readAll(b))).to.equal(sum(bulk));
    const back = readAll(a);
    b.end(bulk);
    expect(sum(await back)).to.equal(sum(bulk));
    await closed(a, b);
    expect(openFds()).to.equal(before);
  });

  it("do not block the process on a socket that was blocking", async () => {
    const [left, right] = sockets.pair();
    const a = descriptors.stream(left);
    a.write(bulk);
    await new Promise((resolve) => setImmediate(resolve));
    expect(a.writableLength).to.be.greaterThan(0);
    await closed(a);
    descriptors.close(right);
  });

  it("work over a family libuv refuses", async () => {
    const family = SocketFamily.netlink;
    const fd = sockets.open({ family, type: SocketType.raw });
    expect(() => new Socket({ fd })).to.throw();
    const stream = descriptors.stream(fd);
    // RTM_GETLINK, dumped: nlmsghdr and ifinfomsg
    const request = Buffer.alloc(32);
    request.writeUInt32LE(request.length, 0);
    request.writeUInt16LE(18, 4);
    request.writeUInt16LE(0x301, 6);
    stream.write(request);
    const [answer] = (await once(stream, "data")) as [Buffer];
    expect(answer.readUInt16LE(4)).to.equal(16);
    await closed(stream);
  });

  it("report the other end's death", async () => {
    const [left, right] = sockets.pair();
    const a = descriptors.stream(left);
    descriptors.close(right);
    a.resume();
    await once(a, "end");
    const failed = once(a, "error");
    a.write("x");
    expect(await failed).to.have.nested.property("[0].code", "EPIPE");
    await closed(a);
  });

  it("close what they were given when it cannot become a stream", () => {
    const before = openFds();
    expect(thrown(() => descriptors.stream(descriptors.memfd("file", 10)))).to.equal("KATA_SYS_WATCH");
    expect(openFds()).to.equal(before);
  });

  it("carry a terminal both ways, and end when its last user is gone", async () => {
    const before = openFds();
    const { master, slave } = terminals.open({ rows: 24, columns: 80 });
    const [outer, inner] = [descriptors.stream(master), descriptors.stream(slave)];
    outer.write("typed\n");
    expect(String((await once(inner, "data"))[0])).to.equal("typed\n");
    const all = readAll(outer);
    const lines = "x".repeat(70).concat("\n").repeat(15_000);
    await new Promise<unknown>((resolve) => inner.write(lines, resolve));
    await closed(inner);
    expect(String(await all)).to.equal(`typed\r\n${lines.replaceAll("\n", "\r\n")}`);
    await closed(outer);
    expect(openFds()).to.equal(before);
  });

  it("hold back a writer whose reader does not read", async () => {
    const { master, slave } = terminals.open();
    const outer = descriptors.stream(master);
    const inner = descriptors.stream(slave);
    let done = false;
    inner.write("x".repeat(1 << 20), () => {
      done = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(done).to.equal(false);
    outer.resume();
    await once(inner, "drain");
    expect(done).to.equal(true);
    await closed(inner, outer);
  });

  it("fail what was not written when they are destroyed", async () => {
    const { master, slave } = terminals.open();
    const inner = descriptors.stream(slave);
    const written = new Promise<void>((resolve, reject) => {
      inner.write("x".repeat(1 << 20), (error) => (error ? reject(error) : resolve()));
    });
    inner.destroy();
    expect(await rejected(() => written)).not.to.equal("nothing");
    descriptors.close(master);
  });

  it("go one way only when asked", async () => {
    const { master, slave } = terminals.open();
    const reader = descriptors.stream(descriptors.duplicate(master), { writable: false });
    const writer = descriptors.stream(slave, { readable: false });
    expect(reader.writableEnded && writer.readableEnded !== undefined).to.equal(true);
    writer.write("out\n");
    expect(String((await once(reader, "data"))[0])).to.equal("out\r\n");
    await closed(reader, writer);
    descriptors.close(master);
  });
});
