import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describeError, KataError } from "../../../../src/core/errors/error.js";
import { SysError } from "../../../../src/core/sys/sys-error.js";
import type { Sys } from "../../../../src/core/sys/sys.js";
import { dialGuest } from "../../../../src/core/vsock/dial-guest.js";
import { dialUntil, laterPause } from "../../../../src/core/vsock/dial-until.js";

type Connect = Sys["vsock"]["connect"];

const refused = (name: string): Error => new SysError("connect", [3], 1, name);
const sysWith = (connect: Connect): Pick<Sys, "vsock"> => ({
  vsock: { connect, listen: () => expect.fail("listens"), localCid: () => 2 },
});
const noVsock = sysWith(() => Promise.reject(refused("EAFNOSUPPORT")));

describe("dialling the guest", () => {
  let directory: string;
  let server: Server | undefined;
  let accepted: Socket[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "dial-"));
    accepted = [];
  });

  afterEach(async () => {
    const running = server;
    server = undefined;
    for (const socket of accepted) socket.destroy();
    if (running) await new Promise((resolve) => running.close(resolve));
    rmSync(directory, { recursive: true });
  });

  async function listen(name: string, onConnection: (socket: Socket) => void): Promise<string> {
    const path = join(directory, name);
    server = createServer((socket) => {
      accepted.push(socket);
      onConnection(socket);
    });
    await new Promise<void>((resolve) => server?.listen(path, resolve));
    return path;
  }

  async function rejection(promise: Promise<unknown>): Promise<KataError> {
    try {
      await promise;
    } catch (error) {
      expect(error).to.be.instanceOf(KataError);
      return error as KataError;
    }
    throw new Error("it did not fail");
  }

  it("asks the kernel for a vsock connection", async () => {
    let asked: unknown;
    const stream = new PassThrough();
    const sys = sysWith(async (address) => {
      asked = address;
      return stream as unknown as Awaited<ReturnType<Connect>>;
    });
    expect(await dialGuest(sys, { address: { kind: "vsock", cid: 7 }, port: 1024, ms: 100 })).to.equal(stream);
    expect(asked).to.deep.equal({ cid: 7, port: 1024 });
  });

  it("connects to the socket of a virtio-serial port", async () => {
    await listen("port-1025.sock", (socket) => socket.end("hello"));
    const address = { kind: "virtio-serial", directory } as const;
    const stream = await dialGuest(noVsock, { address, port: 1025, ms: 1000 });
    expect((await stream.toArray()).join("")).to.equal("hello");
  });

  it("says where it dialled and why that failed", async () => {
    const address = { kind: "virtio-serial", directory } as const;
    const error = await rejection(dialGuest(noVsock, { address, port: 1024, ms: 1000 }));
    expect(error.code).to.equal("KATA_GUEST_DIAL");
    expect(describeError(error)).to.contain(`serial://${directory}:1024`).and.to.contain("ENOENT");
  });

  describe("through a VMM's hybrid vsock", () => {
    const dial = (path: string, ms = 1000) =>
      dialGuest(noVsock, { address: { kind: "hybrid-vsock", path }, port: 1024, ms });

    it("keeps what the guest says right after the answer, however it is cut", async () => {
      const asked: string[] = [];
      const path = await listen("vsock", (socket) => {
        socket.on("data", (data: Buffer) => {
          asked.push(data.toString());
          socket.write("OK 10737");
          setTimeout(() => socket.end("41824\nguest\nspeaks"), 10);
        });
      });
      const stream = await dial(path);
      let heard = "";
      stream.on("data", (data: Buffer) => (heard += data.toString()));
      await new Promise((resolve) => stream.on("end", resolve));
      expect(heard).to.equal("guest\nspeaks");
      expect(asked).to.deep.equal(["CONNECT 1024\n"]);
      stream.destroy();
    });

    for (const [what, answer, expected] of [
      ["that refuses", "ERR 1\n", 'it answered "ERR 1"'],
      ["that answers something else", "OKAY\n", 'it answered "OKAY"'],
      ["that never ends its answer", "O".repeat(200), "longer than 64 bytes"],
      ["that closes instead of an answer", "", "nobody listens there"],
    ] as const) {
      it(`tells of a VMM ${what}`, async () => {
        const path = await listen("vsock", (socket) => void (answer === "" ? socket.end() : socket.write(answer)));
        const error = await rejection(dial(path));
        expect(describeError(error)).to.contain(expected);
      });
    }

    it("waits no longer than it may", async () => {
      const path = await listen("vsock", () => undefined);
      expect(describeError(await rejection(dial(path, 30)))).to.contain("waited 30 ms");
    });
  });

  describe("until it answers", () => {
    const address = { kind: "vsock", cid: 7 } as const;

    it("tries again while the guest boots", async () => {
      const stream = new PassThrough();
      const failures = ["ENODEV", "ETIMEDOUT", "ECONNRESET"];
      const sys = sysWith(async () => {
        const failure = failures.shift();
        if (failure !== undefined) throw refused(failure);
        return stream as unknown as Awaited<ReturnType<Connect>>;
      });
      const { signal } = new AbortController();
      expect(await dialUntil(sys, { address, port: 1024, pauseMs: 1, signal })).to.equal(stream);
      expect(failures).to.deep.equal([]);
    });

    it("tries less often the longer it takes", () => {
      const pauses = [0, 300, 1_000, 10_000].map((sinceMs) => laterPause(10, sinceMs));
      expect(pauses).to.deep.equal([10, 10, 25, 250]);
    });

    it("stops when it is told to, with the reason given", async () => {
      const abort = new AbortController();
      const sys = sysWith(() => Promise.reject(refused("ECONNRESET")));
      const dialling = dialUntil(sys, { address, port: 1024, pauseMs: 5, signal: abort.signal });
      const reason = new Error("enough");
      setTimeout(() => abort.abort(reason), 20);
      const outcome = await dialling.catch((error: unknown) => error);
      expect(outcome).to.equal(reason);
    });

    it("does not wait for what cannot come", async () => {
      const { signal } = new AbortController();
      const error = await rejection(dialUntil(noVsock, { address, port: 1024, pauseMs: 1, signal }));
      expect(describeError(error)).to.contain("EAFNOSUPPORT");
    });

    it("does not try a path that cannot be a socket's", async () => {
      const { signal } = new AbortController();
      const far = { kind: "virtio-serial", directory: join(directory, "x".repeat(120)) } as const;
      const error = await rejection(dialUntil(noVsock, { address: far, port: 1024, pauseMs: 1, signal }));
      expect(describeError(error)).to.contain("a Unix socket's at most 107");
    });
  });
});
