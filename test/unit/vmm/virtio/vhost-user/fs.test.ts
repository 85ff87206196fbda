import { expect } from "chai";
import fc from "fast-check";
import { fstatSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf, KataError } from "../../../../../src/core/errors/error.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import type { DeviceContext, HandedQueue } from "../../../../../src/vmm/virtio/device.js";
import { VhostUserFsDevice } from "../../../../../src/vmm/virtio/vhost-user/fs.js";
import { MemfdMemory } from "../../../../support/vmm/memfd-memory.js";
import { testContext } from "../../../../support/vmm/test-queue.js";
import { allFeatures, answerTo, bits, FakeDaemon } from "./fake-daemon.js";

const memorySize = 0x10000;
const needed = allFeatures & ~(1n << 30n);

describe("a file system served by a daemon", () => {
  const sys = createLinuxSys();
  let directory: string;
  let path: string;
  let daemon: FakeDaemon;
  let device: VhostUserFsDevice | undefined;
  let memory: MemfdMemory;
  let eventfds: number[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "vhost-"));
    path = join(directory, "fs");
    daemon = new FakeDaemon(sys, path);
    memory = new MemfdMemory(sys, memorySize);
    eventfds = [];
    device = undefined;
  });

  afterEach(() => {
    device?.close();
    daemon.close();
    memory.close();
    for (const fd of eventfds) sys.descriptors.close(fd);
    rmSync(directory, { recursive: true });
  });

  async function connect(answerMs = 5_000): Promise<VhostUserFsDevice> {
    device = await VhostUserFsDevice.connect({
      sys,
      path,
      tag: "kataShared",
      requestQueues: 1,
      queueSize: 16,
      answerMs,
    });
    return device;
  }

  const refusal = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => expect.fail("it works"),
      (e: unknown) => e,
    );

  /** A transport that gives its queues away, each at an address of its own. */
  function context(change: Partial<HandedQueue> = {}): DeviceContext & { readonly failures: unknown[] } {
    return {
      ...testContext(2, needed),
      memory,
      handOver: (index) => {
        const kick = sys.descriptors.eventfd();
        const call = sys.descriptors.eventfd();
        eventfds.push(kick, call);
        const at = index * 0x1000;
        return { descriptors: at, available: at + 0x400, used: at + 0x800, size: 16, kick, call, ...change };
      },
    };
  }

  async function until(reached: () => boolean): Promise<void> {
    while (!reached()) await new Promise((resolve) => setImmediate(resolve));
  }

  it("tells the guest its tag and queues", async () => {
    const { configuration, queueSizes, kind } = await connect();
    expect(configuration.subarray(0, 36).toString().replace(/\0+$/, "")).to.equal("kataShared");
    expect(configuration.readUInt32LE(36)).to.equal(1);
    expect({ queueSizes, kind }).to.deep.equal({ queueSizes: [16, 16], kind: 26 });
    for (const tag of ["", "x".repeat(37), "a\0b"]) {
      expect(codeOf(await refusal(VhostUserFsDevice.connect({ sys, path, tag })))).to.equal("KATA_VMM_VHOST_USER_TAG");
    }
  });

  it("agrees with the daemon, gives it memory and queues, and takes them back", async () => {
    const fs = await connect();
    expect(daemon.names).to.deep.equal([
      "getFeatures",
      "getProtocolFeatures",
      "setProtocolFeatures",
      "getQueueNum",
      "setOwner",
    ]);
    expect(daemon.got[2]?.payload.readBigUInt64LE()).to.equal(9n);
    daemon.got.length = 0;
    const transport = context();
    fs.activate(transport);
    await until(() => daemon.names.filter((name) => name === "setVringEnable").length === 2);
    const ring = ["setVringNum", "setVringBase", "setVringAddr", "setVringCall", "setVringKick", "setVringEnable"];
    expect(daemon.names).to.deep.equal(["setFeatures", "setMemTable", ...ring, ...ring]);
    expect(daemon.got.every(({ needsReply }) => needsReply)).to.equal(true);
    const [features, table] = daemon.got;
    expect(features?.payload.readBigUInt64LE()).to.equal(allFeatures);
    const host = memory.regions[0]?.hostAddress ?? 0n;
    const words = (payload: Buffer | undefined, at: number) =>
      Array.from({ length: 4 }, (_, i) => payload?.readBigUInt64LE(at + 8 * i));
    expect(words(table?.payload, 8)).to.deep.equal([0n, BigInt(memorySize), host, 0n]);
    const backing = memory.regions[0]?.backing;
    expect(fstatSync(table?.fds[0] ?? -1).ino).to.equal(fstatSync(backing?.kind === "file" ? backing.fd : -1).ino);
    const addresses = daemon.got.filter(({ name }) => name === "setVringAddr")[1]?.payload;
    expect(words(addresses, 8)).to.deep.equal([host + 0x1000n, host + 0x1800n, host + 0x1400n, 0n]);
    const kick = daemon.got.find(({ name }) => name === "setVringKick")?.fds[0] ?? -1;
    await until(() => sys.descriptors.readEventfd(kick) === 1n);
    expect(transport.failures).to.deep.equal([]);
    await fs.reset();
    expect(daemon.names.slice(-2)).to.deep.equal(["getVringBase", "getVringBase"]);
    await fs.reset();
    expect(daemon.names.filter((name) => name === "getVringBase")).to.have.length(2);
    fs.activate(context());
    await fs.reset();
    expect(daemon.names.filter((name) => name === "getVringBase")).to.have.length(2);
  });

  it("works with a daemon that acknowledges nothing", async () => {
    daemon.protocol = 0n;
    const fs = await connect();
    fs.activate(context());
    await until(() => daemon.names.filter((name) => name === "setVringEnable").length === 2);
    expect(daemon.got.some(({ needsReply }) => needsReply)).to.equal(false);
  });

  it("refuses a daemon that lacks something, or is not there", async () => {
    daemon.script = ({ name }) => (name === "getFeatures" ? { payload: bits(needed) } : undefined);
    expect(codeOf(await refusal(connect()))).to.equal("KATA_VMM_VHOST_USER_FEATURES");
    daemon.script = ({ name }) => (name === "getQueueNum" ? { payload: bits(1n) } : undefined);
    expect(codeOf(await refusal(connect()))).to.equal("KATA_VMM_VHOST_USER_QUEUES");
    daemon.script = ({ name }) => (name === "setOwner" ? { payload: bits(1n) } : undefined);
    expect(codeOf(await refusal(connect()))).to.equal("KATA_VMM_VHOST_USER_REFUSED");
    const nowhere = VhostUserFsDevice.connect({ sys, path: `${path}-not`, tag: "x" });
    expect(codeOf(await refusal(nowhere))).to.equal("KATA_VMM_VHOST_USER_CONNECT");
  });

  it("says what it waited for when the daemon does not answer", async () => {
    daemon.script = ({ name }) => (name === "getProtocolFeatures" ? "silence" : undefined);
    const error = (await refusal(connect(30))) as KataError;
    expect(error.code).to.equal("KATA_DEADLINE");
    expect(error.message).to.equal("waited 30 ms for the daemon of fs kataShared to answer getProtocolFeatures");
  });

  it("fails the device when the daemon ends, and for each driver after", async () => {
    const fs = await connect();
    const transport = context();
    fs.activate(transport);
    await until(() => daemon.names.filter((name) => name === "setVringEnable").length === 2);
    daemon.hangUp();
    await until(() => transport.failures.length > 0);
    expect(transport.failures.map(codeOf)).to.deep.equal(["KATA_VMM_VHOST_USER_ENDED"]);
    await fs.reset();
    const next = context();
    fs.activate(next);
    await until(() => next.failures.length > 0);
    expect(next.failures.map(codeOf)).to.deep.equal(["KATA_VMM_VHOST_USER_ENDED"]);
  });

  it("fails the device when the daemon ends while it is told of a queue", async () => {
    const fs = await connect();
    daemon.script = ({ name }) => (name === "setVringAddr" ? "hang up" : undefined);
    const transport = context();
    fs.activate(transport);
    await until(() => transport.failures.length > 0);
    expect(transport.failures.map(codeOf)).to.deep.equal(["KATA_VMM_VHOST_USER_ENDED"]);
    await fs.reset();
  });

  it("gives the daemon no queue that is not in the guest's memory", async () => {
    for (const change of [{ descriptors: memorySize - 255 }, { used: -1 }, { available: 2 ** 50 }, { size: 32_768 }]) {
      const fs = await connect();
      const transport = context(change);
      fs.activate(transport);
      await until(() => transport.failures.length > 0);
      expect(transport.failures.map(codeOf)).to.deep.equal(["KATA_VMM_GUEST_ADDRESS"]);
      expect(daemon.names).not.to.include("setVringAddr");
      fs.close();
    }
  });

  it("fails for memory that cannot be shared, and for a transport that gives no queues away", async () => {
    const fs = await connect();
    const region = { address: 0, size: 4096, hostAddress: 0n, backing: { kind: "own" } as const };
    const transport = {
      ...context(),
      memory: Object.assign(Object.create(memory), { regions: [region] }) as MemfdMemory,
    };
    fs.activate(transport);
    await until(() => transport.failures.length > 0);
    expect(transport.failures.map(codeOf)).to.deep.equal(["KATA_VMM_VHOST_USER_MEMORY"]);
    fs.close();
    const other = await connect();
    const without = testContext(2, needed);
    other.activate(without);
    expect(without.failures.map(codeOf)).to.deep.equal(["KATA_VMM_VHOST_USER_TRANSPORT"]);
  });

  it("takes no answer that is none, whatever its bytes", async () => {
    const raw = fc.oneof(
      fc.uint8Array({ minLength: 12, maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc
        .uint8Array({ maxLength: 30 })
        .filter((bytes) => bytes.length !== 8)
        .map((bytes) => answerTo("getFeatures", Buffer.from(bytes))),
      fc
        .nat(15)
        .filter((flags) => (flags & 7) !== 5)
        .map((flags) => answerTo("getFeatures", bits(allFeatures), flags)),
      fc.constant(answerTo("getQueueNum", bits(allFeatures))),
    );
    await fc.assert(
      fc.asyncProperty(raw, async (bytes) => {
        daemon.script = ({ name }) => (name === "getFeatures" ? { raw: bytes } : undefined);
        const error = await refusal(connect(200));
        expect(error).to.be.instanceOf(KataError);
        daemon.hangUp();
      }),
      { numRuns: 40 },
    );
  });

  it("ends for what it has not asked for", async () => {
    const fs = await connect();
    const transport = context();
    fs.activate(transport);
    await until(() => daemon.names.filter((name) => name === "setVringEnable").length === 2);
    await new Promise((resolve) => setImmediate(resolve));
    daemon.send(answerTo("getFeatures", bits(0n)));
    await until(() => transport.failures.length > 0);
    expect(transport.failures.map(codeOf)).to.deep.equal(["KATA_VMM_VHOST_USER_ANSWER"]);
  });
});
