import { expect } from "chai";
import fc from "fast-check";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KataError } from "../../../../../src/core/errors/error.js";
import { silentLogger } from "../../../../../src/core/log.js";
import { VsockDevice } from "../../../../../src/vmm/virtio/vsock/vsock.js";
import { TestGuest } from "./test-guest.js";

const small = fc.constantFrom(0, 1, 2, 3, 9, 10, 0xffffffff);
const u32 = fc.oneof(small, fc.nat(0xffffffff));
const packet = fc.record({
  sourceCid: fc.oneof({ weight: 8, arbitrary: fc.constant(3) }, u32),
  destinationCid: fc.oneof({ weight: 8, arbitrary: fc.constant(2) }, u32),
  sourcePort: fc.constantFrom(1, 2, 3),
  destinationPort: fc.oneof({ weight: 8, arbitrary: fc.constantFrom(9, 10) }, u32),
  operation: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 8 }) }, fc.nat(0xffff)),
  type: fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, fc.nat(0xffff)),
  flags: u32,
  allocated: u32,
  forwarded: u32,
});
const data = fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.constant(new Uint8Array(65_536)));
const lie = fc.option(u32, { nil: undefined });

describe("the vsock device and a hostile guest", () => {
  let directory: string;
  let server: Server;
  let device: VsockDevice;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "vsock-"));
    const path = join(directory, "vsock");
    server = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
    await new Promise<void>((resolve) => server.listen(`${path}_9`, resolve));
    const limits = { connections: 8, requestMs: 1_000, shutdownMs: 1_000 };
    device = await VsockDevice.create({ path, cid: 3, log: silentLogger, limits });
  });

  afterEach(async () => {
    device.close();
    await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true });
  });

  it("takes any header and any length without an exception, and holds no buffer back", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(packet, data, lie), { maxLength: 60 }), async (packets) => {
        device.reset();
        const guest = new TestGuest(device);
        guest.give(16);
        for (const [header, bytes, length] of packets) {
          guest.send({ ...header, ...(length !== undefined && { length }) }, bytes);
          await new Promise((resolve) => setImmediate(resolve));
        }
        expect(guest.context.failures).to.deep.equal([]);
        expect(guest.context.queues[1]?.held).to.equal(0);
      }),
      { numRuns: 60 },
    );
  });

  it("fails for buffers too short for a header, and does nothing after", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 43 }), fc.constantFrom(0, 1), async (bytes, queue) => {
        device.reset();
        const guest = new TestGuest(device);
        if (queue === 0) {
          guest.context.queues[0]?.add([], [new Uint8Array(bytes.length)]);
          guest.send({ operation: 5, sourcePort: 1, destinationPort: 9 });
        } else {
          guest.context.queues[1]?.add([bytes]);
          device.notify(1);
        }
        expect(guest.context.failures).to.have.length(1);
        expect(guest.context.failures[0]).to.be.instanceOf(KataError).with.property("code", "KATA_VMM_VSOCK_BUFFER");
        guest.give(4);
        guest.send({ operation: 5, sourcePort: 1, destinationPort: 9 });
        expect(guest.context.queues[1]?.waiting).to.be.greaterThan(0);
      }),
      { numRuns: 40 },
    );
  });

  it("leaves packets in their queue while the guest does not take the answers", async () => {
    const guest = new TestGuest(device);
    for (let i = 0; i < 2_000; i++) guest.send({ operation: 5, sourcePort: i, destinationPort: 1 });
    for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(guest.context.queues[1]?.waiting).to.equal(2_000 - 256);
    guest.give(2_000, 44);
    guest.refill = 0;
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(guest.context.queues[1]?.waiting).to.equal(0);
    expect(guest.got).to.have.length(2_000);
  });
});
