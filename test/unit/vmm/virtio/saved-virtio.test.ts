import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { silentLogger } from "../../../../src/core/log.js";
import { PlainReader } from "../../../../src/vmm/snapshot/plain-reader.js";
import { BlockDevice } from "../../../../src/vmm/virtio/block/block-device.js";
import { commonFeatures, type VirtioDevice } from "../../../../src/vmm/virtio/device.js";
import { mmioRegister } from "../../../../src/vmm/virtio/mmio-registers.js";
import { netFeature } from "../../../../src/vmm/virtio/net/features.js";
import { NetDevice } from "../../../../src/vmm/virtio/net/net.js";
import { RngDevice } from "../../../../src/vmm/virtio/rng/rng-device.js";
import { VsockDevice } from "../../../../src/vmm/virtio/vsock/vsock.js";
import { data, DrivenDevice } from "../../../support/vmm/driven-device.js";
import { MemoryDisk } from "../../../support/vmm/memory-disk.js";
import { rejected, thrown } from "../../core/sys/fixture.js";
import { FakeTap } from "../../../support/vmm/fake-tap.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What was saved of a device, as it comes out of a file. */
const reader = (driven: DrivenDevice): PlainReader =>
  new PlainReader(JSON.parse(JSON.stringify(driven.transport.save())), "/saved");

/** The same driver in the same memory, with another device that goes on where this one has stopped. */
function successor(of: DrivenDevice, device: VirtioDevice, saved = reader(of)): DrivenDevice {
  const next = new DrivenDevice(device, of.guarded);
  next.queues = of.queues;
  next.transport.restore(saved);
  return next;
}

const rng = (value: number): RngDevice => new RngDevice((bytes) => void bytes.fill(value));

describe("a virtio device that is saved", () => {
  const word = [{ address: data, length: 4, write: true }];
  const bytes = (driven: DrivenDevice): number[] => Array.from(driven.memory.slice(data, 4));

  for (const features of [undefined, commonFeatures.version1]) {
    const how = features === undefined ? "with the event index" : "without it";
    it(`goes on with its driver, its queues where they were, ${how}`, async () => {
      const first = new DrivenDevice(rng(1)).start(features === undefined ? {} : { features });
      // Further than the rings are long.
      for (let round = 0; round < 70; round++) {
        first.send(0, word);
        expect(first.queue(0).collect()).to.have.length(1);
      }
      await first.transport.freeze();
      // Made available while nobody looks: it is found all the same.
      const head = first.send(0, word);
      expect(first.queue(0).collect()).to.deep.equal([]);
      const second = successor(first, rng(2));
      expect(second.queue(0).collect()).to.deep.equal([{ head, written: 4 }]);
      expect(bytes(second)).to.deep.equal([2, 2, 2, 2]);
      expect(second.interrupts).to.be.greaterThan(0);
      expect(second.read(mmioRegister.interruptStatus)).to.equal(1);
      expect(second.status).to.equal(15);
      const next = second.queue(0).add(word);
      expect(second.queue(0).publish(), "notifications are on").to.equal(true);
      second.transport.notified(0);
      expect(second.queue(0).collect()).to.deep.equal([{ head: next, written: 4 }]);
    });
  }

  it("goes on itself when it is thawed", async () => {
    const driven = new DrivenDevice(rng(1)).start();
    await driven.transport.freeze();
    driven.send(0, word);
    driven.transport.notified(0);
    await turn();
    expect(driven.queue(0).collect()).to.deep.equal([]);
    driven.transport.thaw();
    expect(driven.queue(0).collect()).to.have.length(1);
    expect(driven.needsReset).to.equal(false);
  });

  it("is as far as its driver had brought it, also before it runs", async () => {
    const first = new DrivenDevice(rng(1));
    first.negotiate(first.offered());
    first.write(mmioRegister.queueSelect, 0);
    first.write(mmioRegister.queueSize, 16);
    first.write(mmioRegister.queueDriverHigh, 7);
    await first.transport.freeze();
    const second = successor(first, rng(2));
    expect(second.status).to.equal(11);
    expect(second.interrupts).to.equal(0);
    expect(reader(second).raw()).to.deep.equal(reader(first).raw());
  });

  it("waits for what is under way, and takes nothing more meanwhile", async () => {
    const disk = new MemoryDisk(4096);
    disk.content.fill(9);
    const first = new DrivenDevice(new BlockDevice({ name: "d", disk, serial: "d", log: silentLogger })).start();
    const request = (status: number) => [
      { address: data, length: 16 },
      { address: data + 4096, length: 512, write: true },
      { address: data + status, length: 1, write: true },
    ];
    first.memory.slice(data, 1024).fill(0);
    disk.held = true;
    first.send(0, request(100));
    let frozen = false;
    const freezing = first.transport.freeze().then(() => (frozen = true));
    first.send(0, request(200));
    await turn();
    expect([frozen, disk.underWay]).to.deep.equal([false, 1]);
    disk.held = false;
    disk.release();
    await freezing;
    expect(disk.underWay).to.equal(0);
    const other = new MemoryDisk(4096);
    other.content.fill(5);
    const second = successor(first, new BlockDevice({ name: "d", disk: other, serial: "d", log: silentLogger }));
    await turn();
    expect(second.queue(0).collect()).to.have.length(2);
    expect([disk.calls.length, other.calls.length, second.memory.slice(data + 4096, 1)[0]]).to.deep.equal([1, 1, 5]);
  });

  it("is not another one than its guest knows", async () => {
    const make = (size: number, options: { readonly queues?: number } = {}) =>
      new BlockDevice({ name: "d", disk: new MemoryDisk(size), serial: "d", log: silentLogger, ...options });
    const first = new DrivenDevice(make(4096)).start();
    await first.transport.freeze();
    for (const other of [make(8192), make(4096, { queues: 2 }), rng(1)]) {
      expect(thrown(() => successor(first, other))).to.equal("KATA_VMM_SNAPSHOT_MISMATCH");
    }
  });

  it("is refused when what was saved is none", async () => {
    const first = new DrivenDevice(rng(1)).start();
    await first.transport.freeze();
    const saved = JSON.stringify(first.transport.save());
    const changed = (from: string, to: string): string => {
      expect(saved).to.include(from);
      const value: unknown = JSON.parse(saved.replace(from, to));
      return thrown(() => successor(first, rng(2), new PlainReader(value, "/saved")));
    };
    expect(changed('"status":15', '"status":"15"')).to.equal("KATA_VMM_SNAPSHOT_STATE");
    expect(changed('"next":0', '"next":65536')).to.equal("KATA_VMM_SNAPSHOT_STATE");
    expect(changed('"size":64', '"size":128')).to.equal("KATA_VMM_QUEUE");
    expect(changed('"addresses":[0,0', '"addresses":[0,9')).to.equal("KATA_VMM_QUEUE");
  });

  it("is refused when it cannot be saved, and runs on", async () => {
    const device = rng(1);
    Object.defineProperty(device, "saving", { value: undefined });
    const driven = new DrivenDevice(device).start();
    expect(await rejected(() => driven.transport.freeze())).to.equal("KATA_VMM_SNAPSHOT_DEVICE");
    driven.send(0, word);
    expect(driven.queue(0).collect()).to.have.length(1);
  });

  it("needs its reset as before when it needed one", async () => {
    const first = new DrivenDevice(rng(1)).start();
    first.queue(0).enter(9999);
    first.queue(0).publish();
    first.transport.notified(0);
    expect(first.needsReset).to.equal(true);
    await first.transport.freeze();
    const second = successor(first, rng(2));
    expect(second.needsReset).to.equal(true);
    second.reset();
    expect(second.status).to.equal(0);
  });
});

describe("a network card that is saved", () => {
  const mac = "02:00:00:00:00:01";
  const make = (pairs: number) => {
    const tap = new FakeTap(pairs);
    return { tap, device: new NetDevice({ id: "eth0", taps: tap.fds, sys: tap.sys, mac }) };
  };

  it("has the queue pairs in use that its driver had chosen, on another tap", async () => {
    const one = make(2);
    const first = new DrivenDevice(one.device).start();
    first.memory.slice(data, 4).set([4, 0, 2, 0]);
    first.send(4, [
      { address: data, length: 4 },
      { address: data + 8, length: 1, write: true },
    ]);
    await turn();
    expect(first.memory.slice(data + 8, 1)[0]).to.equal(0);
    await first.transport.freeze();
    const other = make(2);
    const second = successor(first, other.device);
    const head = second.send(2, [{ address: data, length: 2000, write: true }]);
    other.tap.queues[1]?.arrive(Buffer.alloc(100, 7));
    await turn();
    expect(second.queue(2).collect()).to.deep.equal([{ head, written: 100 }]);
  });

  it("loses a frame of which a part is there, and keeps the buffers", async () => {
    const one = make(1);
    const first = new DrivenDevice(one.device).start();
    first.send(0, [{ address: data, length: 64, write: true }]);
    one.tap.queues[0]?.arrive(Buffer.alloc(100, 7));
    await turn();
    expect(first.queue(0).collect(), "half a frame is kept").to.deep.equal([]);
    await first.transport.freeze();
    one.tap.queues[0]?.arrive(Buffer.alloc(100, 7));
    const other = make(1);
    const second = successor(first, other.device);
    other.tap.queues[0]?.arrive(Buffer.alloc(64, 8));
    await turn();
    expect(
      second
        .queue(0)
        .collect()
        .map(({ written }) => written),
    ).to.deep.equal([64]);
    expect(second.memory.slice(data + 20, 1)[0]).to.equal(8);
  });

  it("is not saved while the kernel serves it", () => {
    const { tap } = make(1);
    const vhost = { close: () => undefined } as never;
    const device = new NetDevice({ id: "eth0", taps: tap.fds, sys: tap.sys, mac, vhost: [vhost] });
    expect(device.saving).to.equal(undefined);
    expect(device.features & netFeature.mac).to.equal(netFeature.mac);
  });
});

describe("a vsock device that is saved", () => {
  let directory: string;
  const devices: VsockDevice[] = [];
  const sockets: Socket[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "vsock-"));
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const device of devices.splice(0)) device.close();
    rmSync(directory, { recursive: true });
  });

  const make = async (name: string): Promise<VsockDevice> => {
    const device = await VsockDevice.create({ path: join(directory, name), cid: 3, log: silentLogger });
    devices.push(device);
    return device;
  };

  it("tells the guest that its connections are gone, and nothing else before the guest has dealt with that", async () => {
    const first = new DrivenDevice(await make("one")).start();
    const event = (index: number) => [{ address: data + 8 * index, length: 8, write: true }];
    for (let index = 0; index < 4; index++) first.send(2, event(index));
    for (let index = 0; index < 4; index++)
      first.send(0, [{ address: data + 4096 + 512 * index, length: 512, write: true }]);
    first.memory.slice(data, 32).fill(0xff);
    await first.transport.freeze();
    const second = successor(first, await make("two"));
    const [told] = second.queue(2).collect();
    expect(told?.written).to.equal(4);
    expect(Array.from(second.memory.slice(data, 5))).to.deep.equal([0, 0, 0, 0, 0xff]);
    const socket = createConnection({ path: join(directory, "two") });
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.write("CONNECT 1024\n");
    for (let turns = 0; turns < 50; turns++) await turn();
    second.transport.notified(2);
    expect(second.queue(0).collect(), "nothing else").to.deep.equal([]);
    second.queue(2).add(event(0));
    expect(second.queue(2).publish(), "the driver is to tell of the buffer").to.equal(true);
    second.transport.notified(2);
    const asked = await collected(second, 0);
    expect(asked).to.equal(44);
    expect(second.memory.slice(data + 4096 + 30, 1)[0], "a request for a connection").to.equal(1);
  });
});

/** Bytes of the first buffer that comes back. */
async function collected(driven: DrivenDevice, queue: number): Promise<number | undefined> {
  for (let turns = 0; turns < 2000; turns++) {
    const [used] = driven.queue(queue).collect();
    if (used !== undefined) return used.written;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return undefined;
}
