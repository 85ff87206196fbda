import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, linkSync, lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "../../../../src/core/rpc/client.js";
import { ClientConnection } from "../../../../src/core/rpc/client-connection.js";
import { connect } from "../../../../src/core/rpc/connect.js";
import { Server } from "../../../../src/core/rpc/server.js";
import { failure, ProbeDefinition, request, response, textOf } from "./fixture.js";

describe("listening", () => {
  let directory: string;
  const servers: Server[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kata-rpc-"));
  });

  afterEach(() => {
    for (const server of servers.splice(0)) server.destroy(new Error("the test has ended"));
    rmSync(directory, { recursive: true });
  });

  function probe(): Server {
    const server = new Server();
    server.addService(ProbeDefinition, { unary: async (req) => response(`${req.containerId}!`) });
    servers.push(server);
    return server;
  }

  async function ask(path: string): Promise<string> {
    const socket = await connect({ path, peer: "the probe", deadlineMs: 5000 });
    const connection = new ClientConnection(socket, { peer: "the probe" });
    const answer = await createClient(ProbeDefinition, connection).unary(request("who"));
    await connection.close();
    return textOf(answer);
  }

  it("makes a socket with mode 0600 whatever the umask, and nothing else", async () => {
    const path = join(directory, "s");
    const umask = process.umask(0);
    try {
      await probe().listen({ path });
      expect(process.umask()).to.equal(0);
    } finally {
      process.umask(umask);
    }
    const stat = lstatSync(path);
    expect([stat.isSocket(), stat.mode & 0o777]).to.deep.equal([true, 0o600]);
    expect(readdirSync(directory)).to.deep.equal(["s"]);
    expect(await ask(path)).to.equal("who!");
  });

  it("removes the socket when it closes, and its server then ends", async () => {
    const path = join(directory, "s");
    const server = probe();
    const listener = await server.listen({ path });
    expect(listener.address).to.equal(path);
    await ask(path);
    await server.close();
    expect(existsSync(path)).to.equal(false);
    expect((await failure(connect({ path, peer: "the probe", deadlineMs: 5000 }))).code).to.equal("KATA_RPC_CONNECT");
  });

  it("leaves another socket alone that has taken its path", async () => {
    const path = join(directory, "s");
    const first = await probe().listen({ path });
    rmSync(path);
    await probe().listen({ path });
    first.close();
    expect(await ask(path)).to.equal("who!");
  });

  it("refuses a path that exists and leaves what is there", async () => {
    const path = join(directory, "s");
    writeFileSync(path, "mine");
    const error = await failure(probe().listen({ path }));
    expect([error.code, error.message]).to.deep.equal(["KATA_RPC_LISTEN", `cannot listen on ${path}: the path exists`]);
    expect(readdirSync(directory)).to.deep.equal(["s"]);
    expect(lstatSync(path).isFile()).to.equal(true);
  });

  for (const [path, why] of [
    ["\0abstract", "abstract sockets have no owner and are not used"],
    ["@abstract", "abstract sockets have no owner and are not used"],
    ["relative/s", "the path must be absolute"],
    ["/run/a\0b", "the path must be absolute"],
    [`/${"x".repeat(107)}`, "the path has 108 bytes, a Unix socket's at most 107"],
    [`/${"ü".repeat(54)}`, "the path has 109 bytes, a Unix socket's at most 107"],
  ] as const) {
    it(`refuses ${JSON.stringify(path.slice(0, 12))}: ${why}`, async () => {
      expect((await failure(probe().listen({ path }))).message).to.equal(`cannot listen on ${path}: ${why}`);
      const error = await failure(connect({ path, peer: "x", deadlineMs: 1000 }));
      expect([error.code, (error.cause as Error).message]).to.deep.equal(["KATA_RPC_CONNECT", why]);
    });
  }

  it("takes a path as long as a Unix socket's can be", async () => {
    const path = join(directory, "x".repeat(107 - directory.length - 1));
    expect(path.length).to.equal(107);
    await probe().listen({ path });
    expect(await ask(path)).to.equal("who!");
  });

  it("serves a socket that was inherited as a descriptor, with the connections that already wait", async () => {
    const path = join(directory, "s");
    const parent = createServer();
    await new Promise<void>((resolve) => parent.listen(join(directory, "bound"), resolve));
    // Closing removes the path it was bound to.
    linkSync(join(directory, "bound"), path);
    const { fd } = (parent as unknown as { _handle: { fd: number } })._handle;
    const server = new URL("./inherited-socket.js", import.meta.url).pathname;
    const child = spawn(process.execPath, [server], { stdio: ["ignore", "inherit", "inherit", fd] });
    // Or the parent would take the connection from the child.
    (parent as unknown as { _handle: { unref(): void; close(): void } })._handle.close();
    try {
      expect(await ask(path)).to.equal("who!");
    } finally {
      child.kill();
      await once(child, "exit");
    }
  });

  it("fails for a descriptor that is no socket", async () => {
    const error = await failure(probe().listen({ fd: 99_999 }));
    expect([error.code, error.message.slice(0, 26)]).to.deep.equal(["KATA_RPC_LISTEN", "cannot listen on fd 99999:"]);
  });

  it("gives up connecting when its signal is aborted or nobody is there", async () => {
    const abort = new AbortController();
    abort.abort(new Error("never mind"));
    const path = join(directory, "s");
    const sockets: Socket[] = [];
    const deaf = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => deaf.listen(path, resolve));
    const aborted = await failure(connect({ path, peer: "the deaf", deadlineMs: 1000, signal: abort.signal }));
    expect([aborted.code, (aborted.cause as Error).message]).to.deep.equal(["KATA_RPC_CONNECT", "never mind"]);
    const missing = await failure(connect({ path: join(directory, "none"), peer: "nobody", deadlineMs: 1000 }));
    expect(missing.message).to.equal(`cannot connect to nobody at ${join(directory, "none")}`);
    expect(missing.cause).to.include({ code: "ENOENT" });
    deaf.close();
    for (const socket of sockets) socket.destroy();
  });

  it("answers 2000 calls of 8 clients at a time over real sockets", async () => {
    const path = join(directory, "s");
    await probe().listen({ path });
    const clients = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const socket = await connect({ path, peer: "the probe", deadlineMs: 5000 });
        return new ClientConnection(socket, { peer: "the probe" });
      }),
    );
    const answers = await Promise.all(
      clients.flatMap((connection, c) => {
        const client = createClient(ProbeDefinition, connection);
        return Array.from({ length: 250 }, async (_, i) => {
          const name = `${c}/${i} ${"x".repeat((i * 997) % 60_000)}`;
          return textOf(await client.unary(request(name))) === `${name}!`;
        });
      }),
    );
    expect(answers.every(Boolean)).to.equal(true);
    await Promise.all(clients.map((connection) => connection.close()));
  });
});
