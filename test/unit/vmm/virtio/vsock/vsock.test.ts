import { expect } from "chai";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf } from "../../../../../src/core/errors/error.js";
import { silentLogger } from "../../../../../src/core/log.js";
import { hybridHandshake } from "../../../../../src/core/vsock/hybrid-handshake.js";
import { operation, type PacketHeader, shutdownFlag } from "../../../../../src/vmm/virtio/vsock/header.js";
import { VsockDevice } from "../../../../../src/vmm/virtio/vsock/vsock.js";
import { guestCid, TestGuest } from "./test-guest.js";

const megabytes = 10;

describe("the vsock device", () => {
  let directory: string;
  let path: string;
  let device: VsockDevice;
  let guest: TestGuest;
  let servers: Server[];
  let sockets: Socket[];

  async function start(limits = { connections: 1023, requestMs: 10_000, shutdownMs: 10_000 }): Promise<void> {
    device = await VsockDevice.create({ path, cid: guestCid, log: silentLogger, limits });
    guest = new TestGuest(device);
    guest.give(16);
  }

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "vsock-"));
    path = join(directory, "vsock");
    servers = [];
    sockets = [];
  });

  afterEach(async () => {
    device.close();
    for (const socket of sockets) socket.destroy();
    for (const server of servers) await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true });
  });

  function connect(): Socket {
    const socket = createConnection({ path, allowHalfOpen: true });
    socket.on("error", () => undefined);
    sockets.push(socket);
    return socket;
  }

  /** A host's program at a port; gives the next connection of the guest's. */
  async function listen(port: number): Promise<() => Promise<Socket>> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    servers.push(server);
    const accepted: Socket[] = [];
    server.on("connection", (socket) => {
      socket.on("error", () => undefined);
      accepted.push(socket);
      sockets.push(socket);
    });
    await new Promise<void>((resolve) => server.listen(`${path}_${port}`, resolve));
    return async () => {
      while (accepted.length === 0) await once(server, "connection");
      return accepted.shift() as Socket;
    };
  }

  const text = async (socket: Socket): Promise<string> => {
    let all = "";
    socket.setEncoding("utf8");
    for await (const piece of socket) all += piece as string;
    return all;
  };

  it("has a socket of mode 0600, removed at the end, and tells the guest its context", async () => {
    await start();
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    expect(device.configuration.readBigUInt64LE(0)).to.equal(3n);
    device.close();
    expect(existsSync(path)).to.equal(false);
  });

  it("refuses contexts that are not a guest's", async () => {
    await start();
    for (const cid of [0, 1, 2, 2.5, 0xffffffff, -1]) {
      const error: unknown = await VsockDevice.create({ path: `${path}2`, cid, log: silentLogger }).catch(
        (e: unknown) => e,
      );
      expect(codeOf(error)).to.equal("KATA_VMM_VSOCK_CID");
    }
  });

  it("joins a host's program with a port of the guest", async () => {
    await start();
    const socket = connect();
    socket.write("connect 1024\nearly ");
    const request = await guest.accept();
    expect(request).to.include({ sourceCid: 2, destinationCid: 3, destinationPort: 1024, type: 1, allocated: 65_536 });
    expect((await guest.next(operation.data)).data.toString()).to.equal("early ");
    guest.answer(request, { operation: operation.data }, Buffer.from("hello"));
    guest.answer(request, { operation: operation.shutdown, flags: shutdownFlag.send });
    expect(await text(socket)).to.equal(`OK ${request.sourcePort}\nhello`);
  });

  it("is understood by who dials a guest", async () => {
    await start();
    const socket = connect();
    const shaken = hybridHandshake(socket, 1024, "the guest");
    await guest.accept();
    await shaken;
  });

  it("disconnects a program that the guest refuses, or that says something else", async () => {
    await start();
    const socket = connect();
    socket.write("CONNECT 7\n");
    const { header } = await guest.next(operation.request);
    guest.answer(header, { operation: operation.reset });
    expect(await text(socket)).to.equal("");
    for (const line of ["CONNECT\n", "CONNECT 4294967296\n", "CONNECT -1\n", "GET / HTTP/1.1\n", "x".repeat(100)]) {
      const other = connect();
      other.write(line);
      expect(await text(other), line).to.equal("");
    }
  });

  it("joins the guest with a program at the socket of a port", async () => {
    await start();
    const accepted = await listen(1025);
    guest.send({ operation: operation.request, sourcePort: 99, destinationPort: 1025 });
    const { header } = await guest.next(operation.response);
    expect(header).to.include({ sourcePort: 1025, destinationPort: 99 });
    const socket = await accepted();
    socket.end("to the guest");
    expect((await guest.next(operation.data)).data.toString()).to.equal("to the guest");
    expect((await guest.next(operation.shutdown)).header.flags).to.equal(shutdownFlag.send);
    // the other half goes on
    guest.answer(header, { operation: operation.data }, Buffer.from("from the guest"));
    guest.answer(header, { operation: operation.shutdown, flags: shutdownFlag.send });
    expect(await text(socket)).to.equal("from the guest");
    expect((await guest.next(operation.shutdown)).header.flags).to.equal(shutdownFlag.both);
  });

  it("resets what nobody listens for, and never answers a reset", async () => {
    await start();
    guest.send({ operation: operation.request, sourcePort: 99, destinationPort: 4 });
    expect((await guest.next(operation.reset)).header).to.include({ sourcePort: 4, destinationPort: 99 });
    guest.send({ operation: operation.reset, sourcePort: 99, destinationPort: 5 });
    guest.send({ operation: operation.data, sourcePort: 99, destinationPort: 6 });
    expect((await guest.next(operation.reset)).header).to.include({ sourcePort: 6, destinationPort: 99 });
    expect(guest.got).to.deep.equal([]);
  });

  it("ends a connection that the guest ends, after what it sent was delivered", async () => {
    await start();
    const socket = connect();
    socket.write("CONNECT 1\n");
    const request = await guest.accept();
    guest.answer(request, { operation: operation.data }, Buffer.from("last words"));
    guest.answer(request, { operation: operation.shutdown, flags: shutdownFlag.both });
    expect(await text(socket)).to.match(/^OK \d+\nlast words$/);
    await guest.next(operation.reset);
  });

  it(`carries ${megabytes} MB each way at once, within what either side may send`, async () => {
    await start();
    const socket = connect();
    const shaken = hybridHandshake(socket, 5, "the guest");
    const request = await guest.accept({ allocated: 20_000 });
    await shaken;
    const total = megabytes * 1024 * 1024;
    const block = Buffer.alloc(8192);
    for (let i = 0; i < block.length; i++) block[i] = (i * 7) & 0xff;
    const sentUp = createHash("sha256");
    const gotUp = createHash("sha256");
    const gotDown = createHash("sha256");
    const sentDown = createHash("sha256");

    let up = 0;
    let down = 0;
    let hostForwarded = 0;
    async function runGuest(): Promise<void> {
      let told = 0;
      while (up < total || down < total) {
        while (up < total && ((up - hostForwarded) >>> 0) + block.length <= 65_536) {
          block.writeUInt32LE(up, 0);
          sentUp.update(block);
          up += block.length;
          guest.answer(request, { operation: operation.data, allocated: 20_000, forwarded: down }, Buffer.from(block));
        }
        const packet = guest.got.shift();
        if (packet === undefined) {
          await new Promise((resolve) => setImmediate(resolve));
          continue;
        }
        hostForwarded = packet.header.forwarded;
        if (packet.header.operation === operation.data) {
          down += packet.data.length;
          gotDown.update(packet.data);
          expect(down - told).to.be.at.most(20_000);
        }
        if (packet.header.operation === operation.creditRequest || down - told > 10_000) {
          told = down;
          guest.answer(request, { operation: operation.creditUpdate, allocated: 20_000, forwarded: down });
        }
      }
    }
    async function writeHost(): Promise<void> {
      for (let written = 0; written < total; written += block.length) {
        const bytes = Buffer.from(block);
        bytes.writeUInt32LE(written ^ 0x5555, 4);
        sentDown.update(bytes);
        if (!socket.write(bytes)) await once(socket, "drain");
      }
    }
    async function readHost(): Promise<void> {
      let received = 0;
      await new Promise<void>((resolve) => {
        socket.on("data", (piece: Buffer) => {
          gotUp.update(piece);
          received += piece.length;
          if (received === total) resolve();
        });
      });
    }
    await Promise.all([runGuest(), writeHost(), readHost()]);
    expect(gotUp.digest("hex")).to.equal(sentUp.digest("hex"));
    expect(gotDown.digest("hex")).to.equal(sentDown.digest("hex"));
    expect(guest.context.failures).to.deep.equal([]);
  });

  /** Sends until the host's program, which does not read, and the kernel hold all they can; gives what is not passed on. */
  async function fill(header: PacketHeader): Promise<number> {
    const block = Buffer.alloc(32_768, 1);
    let forwarded = 0;
    let sent = 0;
    for (let idle = 0; idle < 20; idle++) {
      while (sent - forwarded + block.length <= 65_536) {
        guest.answer(header, { operation: operation.data }, block);
        sent += block.length;
        idle = 0;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
      for (const got of guest.got.splice(0)) forwarded = got.header.forwarded;
    }
    return sent - forwarded;
  }

  it("stops the guest's credit while the host's program does not read, and resets a guest that sends without", async () => {
    await start();
    const accepted = await listen(9);
    guest.send({ operation: operation.request, sourcePort: 1, destinationPort: 9 });
    const { header } = await guest.next(operation.response);
    const socket = await accepted();
    expect(await fill(header)).to.equal(65_536);
    guest.answer(header, { operation: operation.data }, Buffer.alloc(1));
    await guest.next(operation.reset);
    socket.resume();
    await once(socket, "end");
  });

  it("gives up on a program that does not read once the guest has shut down", async () => {
    await start({ connections: 10, requestMs: 5_000, shutdownMs: 30 });
    const accepted = await listen(9);
    guest.send({ operation: operation.request, sourcePort: 1, destinationPort: 9 });
    const { header } = await guest.next(operation.response);
    const socket = await accepted();
    await fill(header);
    guest.answer(header, { operation: operation.shutdown, flags: shutdownFlag.both });
    await guest.next(operation.reset);
    socket.resume();
    await once(socket, "end");
  });

  it("reads no more of a host's program than the guest has room for", async () => {
    await start();
    guest.refill = 0;
    const accepted = await listen(9);
    guest.send({ operation: operation.request, sourcePort: 1, destinationPort: 9 });
    await guest.next(operation.response);
    const socket = await accepted();
    const block = Buffer.alloc(65_536);
    for (let i = 0; i < 64; i++) socket.write(block);
    for (let i = 0; i < 50 && socket.writableLength > 0; i++) await new Promise((resolve) => setTimeout(resolve, 2));
    // 15 buffers were left; then data stays on the host's side
    expect(guest.got.length).to.be.at.most(15);
    expect(socket.writableLength).to.be.greaterThan(0);
    guest.refill = 4096;
    guest.give(64, 65_580);
    await guest.next(operation.data);
  });

  it("has no more connections than its limit", async () => {
    await start({ connections: 2, requestMs: 10_000, shutdownMs: 10_000 });
    await listen(9);
    for (const sourcePort of [1, 2]) {
      guest.send({ operation: operation.request, sourcePort, destinationPort: 9 });
      await guest.next(operation.response);
    }
    guest.send({ operation: operation.request, sourcePort: 3, destinationPort: 9 });
    expect((await guest.next(operation.reset)).header.destinationPort).to.equal(3);
    const socket = connect();
    expect(await text(socket)).to.equal("");
    guest.send({ operation: operation.reset, sourcePort: 1, destinationPort: 9 });
    guest.send({ operation: operation.request, sourcePort: 3, destinationPort: 9 });
    await guest.next(operation.response);
  });

  it("gives up on programs that name no port, and on guests that do not answer", async () => {
    await start({ connections: 10, requestMs: 200, shutdownMs: 30 });
    const silent = connect();
    const asking = connect();
    asking.write("CONNECT 8\n");
    expect(await text(silent)).to.equal("");
    expect(await text(asking)).to.equal("");
    const { header } = await guest.next(operation.request);
    expect((await guest.next(operation.reset)).header.sourcePort).to.equal(header.sourcePort);
  });

  it("gives up on a guest that does not end once both sides have shut down", async () => {
    await start({ connections: 10, requestMs: 5_000, shutdownMs: 30 });
    const accepted = await listen(9);
    guest.send({ operation: operation.request, sourcePort: 1, destinationPort: 9 });
    const { header } = await guest.next(operation.response);
    const socket = await accepted();
    socket.end();
    expect((await guest.next(operation.shutdown)).header.flags).to.equal(shutdownFlag.send);
    guest.answer(header, { operation: operation.shutdown, flags: shutdownFlag.send });
    expect((await guest.next(operation.shutdown)).header.flags).to.equal(shutdownFlag.both);
    await guest.next(operation.reset);
  });

  it("ends all connections at a reset, and works for the next driver", async () => {
    await start();
    const socket = connect();
    socket.write("CONNECT 8\n");
    await guest.accept();
    device.reset();
    expect(await text(socket)).to.match(/^(OK \d+\n)?$/);
    guest = new TestGuest(device);
    guest.give(4);
    const again = connect();
    again.write("CONNECT 8\n");
    await guest.accept();
  });

  it("has who comes before the driver wait for it, but not for ever", async () => {
    await start({ connections: 10, requestMs: 300, shutdownMs: 30 });
    device.reset();
    const late = connect();
    late.write("CONNECT 8\n");
    expect(await text(late)).to.equal("");
    const early = connect();
    early.write("CONNECT 9\n");
    await once(early, "connect");
    // What it asks for has been read when a second one is answered.
    const other = connect();
    other.write("what?\n");
    expect(await text(other)).to.equal("");
    guest = new TestGuest(device);
    guest.give(4);
    await guest.accept();
    expect(String((await once(early, "data"))[0])).to.match(/^OK \d+\n$/);
  });
});
