import { once } from "node:events";
import { existsSync, readdirSync, statSync, writeSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { SocketFamily, SocketType, unixAddress } from "../../../../../src/core/sys/socket-address.js";
import { readAll, temporaryDirectory, thrown } from "../fixture.js";

const openFds = (): number => readdirSync("/proc/self/fd").length;

describe("sockets", () => {
  const { sockets, descriptors } = createLinuxSys();
  const temporary = temporaryDirectory();

  it("are served by their listening descriptor", async () => {
    const path = join(temporary.path, "s");
    const fd = sockets.listenUnix(path);
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    const listener = sockets.serve(fd, {
      connection: (stream) => {
        stream.pipe(stream);
      },
      error: (error) => expect.fail(error.message),
    });
    const clients = Array.from({ length: 40 }, (_, i) => {
      const client = connect(path);
      client.end(`client ${i}`);
      return readAll(client);
    });
    const answers = await Promise.all(clients);
    expect(answers.map(String)).to.deep.equal(answers.map((_, i) => `client ${i}`));
    listener.close();
    listener.close();
    const refused = connect(path);
    expect(await once(refused, "error")).to.have.nested.property("[0].code", "ECONNREFUSED");
    expect(existsSync(path)).to.equal(true);
  });

  it("refuse a path that is taken or too long", () => {
    const path = join(temporary.path, "s");
    const before = openFds();
    descriptors.close(sockets.listenUnix(path));
    expect(thrown(() => sockets.listenUnix(path))).to.equal("EADDRINUSE");
    expect(thrown(() => sockets.listenUnix(join(temporary.path, "x".repeat(108))))).to.equal("KATA_SYS_PATH");
    expect(openFds()).to.equal(before);
  });

  it("connect by hand", () => {
    const path = join(temporary.path, "s");
    const listening = sockets.listenUnix(path);
    expect(sockets.accept(listening)).to.equal(undefined);
    const fd = sockets.open({ family: SocketFamily.unix, type: SocketType.stream | SocketType.nonBlocking });
    expect(sockets.connect(fd, unixAddress(path))).to.equal(true);
    expect(sockets.pendingError(fd)).to.equal(undefined);
    const accepted = sockets.accept(listening) ?? expect.fail("nobody connected");
    expect(Buffer.from(sockets.localAddress(listening)).toString("latin1")).to.contain(path);
    expect(sockets.receive(accepted.fd, Buffer.alloc(4))).to.equal(undefined);
    expect(sockets.send(fd, Buffer.from("abcdef"))).to.equal(6);
    const into = Buffer.alloc(4);
    expect(sockets.receive(accepted.fd, into)).to.equal(4);
    expect(String(into)).to.equal("abcd");
    descriptors.close(fd);
    expect(sockets.receive(accepted.fd, into)).to.equal(2);
    expect(sockets.receive(accepted.fd, into)).to.equal(0);
    expect(thrown(() => sockets.send(accepted.fd, into))).to.equal("EPIPE");
    descriptors.close(accepted.fd);
    descriptors.close(listening);
    expect(thrown(() => sockets.connect(-1, unixAddress(path)))).to.equal("EBADF");
  });

  it("hand descriptors over", () => {
    const before = openFds();
    const [left, right] = sockets.pair();
    const { read, write } = descriptors.pipe();
    expect(sockets.sendDescriptors(left, Buffer.from("two"), [read, write])).to.equal(3);
    const into = Buffer.alloc(16);
    const received = sockets.receiveDescriptors(right, into) ?? expect.fail("nothing came");
    expect(String(into.subarray(0, received.length))).to.equal("two");
    const [theirRead = -1, theirWrite = -1] = received.fds;
    writeSync(theirWrite, "x");
    expect(descriptors.read(read, into)).to.equal(1);
    for (const fd of [read, write, theirRead, theirWrite]) descriptors.close(fd);
    descriptors.setNonBlocking(right, true);
    expect(sockets.receiveDescriptors(right, into)).to.equal(undefined);
    descriptors.close(left);
    expect(sockets.receiveDescriptors(right, into)).to.deep.equal({ length: 0, fds: [] });
    descriptors.close(right);
    expect(openFds()).to.equal(before);
  });

  it("close what an unexpected number of descriptors brought", () => {
    const [left, right] = sockets.pair();
    const fds = Array.from({ length: 5 }, () => descriptors.eventfd());
    const before = openFds();
    for (const limit of [1, 2, 3, 4]) {
      sockets.sendDescriptors(left, Buffer.from("x"), fds);
      expect(thrown(() => sockets.receiveDescriptors(right, Buffer.alloc(4), limit))).to.equal(
        "KATA_SYS_TOO_MANY_DESCRIPTORS",
      );
      expect(openFds()).to.equal(before);
    }
    expect(thrown(() => sockets.sendDescriptors(left, Buffer.alloc(0), fds))).to.equal("KATA_SYS_VALUE");
    for (const fd of [left, right, ...fds]) descriptors.close(fd);
  });
});
