import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import type { Socket } from "node:net";
import { expect } from "chai";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { anyCid, anyPort, localCid, type VsockAddress } from "../../../src/core/sys/vsock.js";
import { skip } from "../../support/skip.js";
import { deadline, readAll, rejected, thrown } from "../../unit/core/sys/fixture.js";

const sum = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("vsock", () => {
  const { vsock } = createLinuxSys();

  before(async function () {
    if (!existsSync("/dev/vsock")) skip(this, "no /dev/vsock: modprobe vsock_loopback, or a kernel that has it");
    const probe = vsock.listen({ cid: anyCid, port: anyPort }, { connection: drop, error: drop });
    try {
      const socket = await vsock.connect({ cid: localCid, port: probe.address.port }, { ms: 2000, what: "loopback" });
      socket.destroy();
    } catch (error) {
      skip(this, `vsock has no loopback here (modprobe vsock_loopback): ${String(error)}`);
    } finally {
      probe.close();
    }
  });

  function drop(what: Socket | Error): void {
    if (!(what instanceof Error)) what.destroy();
  }

  function echo(cid = localCid): ReturnType<typeof vsock.listen> & { readonly peers: VsockAddress[] } {
    const peers: VsockAddress[] = [];
    const listener = vsock.listen(
      { cid, port: anyPort },
      {
        connection: (stream, peer) => {
          peers.push(peer);
          stream.pipe(stream);
        },
        error: (error) => expect.fail(error.message),
      },
    );
    return { ...listener, peers };
  }

  it("carries bytes both ways, to the end of each", async () => {
    const listener = echo();
    const socket = await vsock.connect({ cid: localCid, port: listener.address.port }, deadline);
    const all = readAll(socket);
    socket.write("hello ");
    socket.end("vsock");
    expect(String(await all)).to.equal("hello vsock");
    expect(listener.peers.map((peer) => peer.cid)).to.deep.equal([localCid]);
    listener.close();
  });

  it("carries 16 MiB without blocking or losing any", async () => {
    const bulk = Buffer.alloc(16 << 20);
    for (let i = 0; i < bulk.length; i += 4) bulk.writeUInt32LE((i * 2654435761) >>> 0, i);
    const listener = echo(anyCid);
    const socket = await vsock.connect({ cid: localCid, port: listener.address.port }, deadline);
    const all = readAll(socket);
    socket.end(bulk);
    expect(socket.writableLength).to.be.greaterThan(0);
    expect(sum(await all)).to.equal(sum(bulk));
    listener.close();
  }).timeout(60_000);

  it("serves many at once and closes every descriptor", async () => {
    const before = readdirSync("/proc/self/fd").length;
    const listener = echo();
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const socket = await vsock.connect({ cid: localCid, port: listener.address.port }, deadline);
        const all = readAll(socket);
        socket.end(`client ${i}`);
        const answer = String(await all);
        if (!socket.closed) await once(socket, "close");
        return answer;
      }),
    );
    expect(answers).to.deep.equal(answers.map((_, i) => `client ${i}`));
    listener.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(readdirSync("/proc/self/fd")).to.have.length(before);
  });

  it("says when nobody listens, and when a port is taken", async () => {
    const before = readdirSync("/proc/self/fd").length;
    expect(await rejected(() => vsock.connect({ cid: localCid, port: 4_000_000 }, deadline))).to.be.oneOf([
      "ECONNRESET",
      "ECONNREFUSED",
    ]);
    const nobody = () => vsock.connect({ cid: 777_777, port: 1 }, deadline);
    expect(await rejected(nobody)).to.be.oneOf(["ENODEV", "ETIMEDOUT", "ECONNRESET", "ENETUNREACH", "EHOSTUNREACH"]);
    const listener = echo();
    const { port } = listener.address;
    const taken = thrown(() => vsock.listen({ cid: localCid, port }, { connection: drop, error: drop }));
    expect(taken).to.equal("EADDRINUSE");
    listener.close();
    expect(await rejected(() => vsock.connect({ cid: localCid, port }, deadline))).to.be.oneOf([
      "ECONNRESET",
      "ECONNREFUSED",
    ]);
    expect(readdirSync("/proc/self/fd")).to.have.length(before);
  });

  it("knows its own context", () => {
    expect(vsock.localCid()).to.be.a("number");
  });
});
