import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { silentLogger } from "../../../src/core/log.js";
import { discardPages } from "../../../src/vmm/memory/discard-pages.js";
import { BalloonDevice } from "../../../src/vmm/virtio/balloon/balloon-device.js";
import { BlockDevice } from "../../../src/vmm/virtio/block/block-device.js";
import type { VirtioDevice } from "../../../src/vmm/virtio/device.js";
import { MemDevice } from "../../../src/vmm/virtio/mem/mem-device.js";
import { NetDevice } from "../../../src/vmm/virtio/net/net.js";
import { RngDevice } from "../../../src/vmm/virtio/rng/rng-device.js";
import { VsockDevice } from "../../../src/vmm/virtio/vsock/vsock.js";
import type { Piece } from "../../support/vmm/driver-queue.js";
import { data, DrivenDevice, memorySize } from "../../support/vmm/driven-device.js";
import { MemoryDisk } from "../../support/vmm/memory-disk.js";
import { FakeTap } from "../../support/vmm/fake-tap.js";

/** Where the second stretch of the guest's memory is, and its size (`DrivenDevice`). */
const high = { address: 0x100000000, size: 0x10000 } as const;

/** Buffers that are not all in one stretch of the guest's memory, each in another way. */
const outside: Readonly<Record<string, Piece>> = {
  "behind the memory": { address: memorySize, length: 16 },
  "over the end of the memory": { address: memorySize - 8, length: 64 },
  "over the end of its second stretch": { address: high.address + high.size - 1, length: 2 },
  "before the second stretch": { address: high.address - 8, length: 16 },
  "from the memory into the hole behind it": { address: 0, length: memorySize + 1 },
  "at the end of all addresses": { address: 2 ** 53, length: 4096 },
  "as long as a descriptor can say": { address: data, length: 0xffffffff },
};

/** A device, the queue by which it is attacked, and which way buffers of that go. */
interface Target {
  readonly device: VirtioDevice;
  readonly queue: number;
  readonly write: boolean;
  /** What stands before the attack in its buffer, so that the device gets as far as to look at it. */
  readonly first?: readonly Piece[];
  /** Something of the host's that the device wants a buffer for. */
  readonly provoke?: () => void;
}

const header: Piece = { address: data, length: 16 };

describe("what others have published as ways out of the guest", () => {
  let directory: string;
  const devices: VirtioDevice[] = [];

  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "kata-ts-advisories-"))));
  afterEach(async () => {
    for (const device of devices.splice(0)) await device.close();
    rmSync(directory, { recursive: true });
  });

  const discard = (): void => expect.fail("memory is discarded");
  const block = (readOnly = false) => {
    const disk = new MemoryDisk(64 * 512);
    disk.readOnly = readOnly;
    return { disk, device: new BlockDevice({ name: "disk", disk, serial: "disk", log: silentLogger }) };
  };
  const net = (): { tap: FakeTap; device: NetDevice } => {
    const tap = new FakeTap(1);
    return { tap, device: new NetDevice({ id: "eth0", taps: tap.fds, sys: tap.sys, mac: "02:00:00:00:00:01" }) };
  };

  const targets: Readonly<Record<string, () => Target | Promise<Target>>> = {
    "a disk that is read": () => ({ device: block().device, queue: 0, write: true, first: [header] }),
    "a disk that is written": () => ({ device: block().device, queue: 0, write: false, first: [header] }),
    "random numbers": () => ({ device: new RngDevice(), queue: 0, write: true }),
    "frames of the guest's": () => ({ device: net().device, queue: 1, write: false }),
    "frames for the guest": () => {
      const { tap, device } = net();
      return { device, queue: 0, write: true, provoke: () => tap.queues[0]?.arrive(Buffer.alloc(100)) };
    },
    "packets of the guest's": async () => {
      const device = await VsockDevice.create({ path: join(directory, "vsock"), cid: 3, log: silentLogger });
      return { device, queue: 1, write: false };
    },
    "a balloon that grows": () => ({
      device: new BalloonDevice({ discard, reporting: true, deflateOnOom: true }),
      queue: 0,
      write: false,
    }),
    "pages that are reported": () => ({
      device: new BalloonDevice({ discard, reporting: true, deflateOnOom: true }),
      queue: 2,
      write: true,
    }),
    "memory that is plugged": () => ({
      device: new MemDevice({ ...high, blockSize: 4096, discard }),
      queue: 0,
      write: false,
    }),
  };

  describe("Kata Containers 4.3.0, 6.4: a guest of Dragonball gets out by buffers outside of its memory", () => {
    for (const [name, make] of Object.entries(targets)) {
      it(`not by ${name}`, async () => {
        for (const [where, piece] of Object.entries(outside)) {
          const { device, queue, write, first = [], provoke } = await make();
          const driven = new DrivenDevice(device).start();
          driven.send(queue, [...first, { ...piece, write }, { address: data + 0x800, length: 16, write: true }]);
          provoke?.();
          await new Promise((resolve) => setImmediate(resolve));
          expect(driven.needsReset, where).to.equal(true);
          expect(driven.lines.join(), where).to.match(/code=KATA_VMM_(?:QUEUE|GUEST_ADDRESS)/);
          expect(driven.guarded.damaged(), where).to.equal(false);
          await driven.transport.close();
        }
      });
    }

    it("not by an indirect table outside of its memory, or by one that leads out of it", () => {
      for (const [where, { address }] of Object.entries(outside)) {
        const driven = new DrivenDevice(new RngDevice()).start();
        const queue = driven.queue(0);
        queue.describe(queue.descriptors, 0, { address, length: 0x1000 }, 4, 0);
        queue.enter(0);
        queue.publish();
        driven.transport.notified(0);
        if (address !== data && address !== 0) expect(driven.needsReset, where).to.equal(true);
        expect(driven.guarded.damaged(), where).to.equal(false);
      }
    });

    it("not by a chain that goes on at a descriptor which the table does not have", () => {
      const driven = new DrivenDevice(new RngDevice()).start();
      const queue = driven.queue(0);
      queue.describe(queue.descriptors, 0, { address: data, length: 16 }, 1 | 2, queue.size);
      queue.enter(0);
      queue.publish();
      driven.transport.notified(0);
      expect(driven.needsReset).to.equal(true);
      expect(driven.guarded.damaged()).to.equal(false);
    });

    it("not by a head that the table does not have", () => {
      const driven = new DrivenDevice(new RngDevice()).start();
      driven.queue(0).enter(0xffff);
      driven.queue(0).publish();
      driven.transport.notified(0);
      expect(driven.needsReset).to.equal(true);
      expect(driven.guarded.damaged()).to.equal(false);
    });

    it("not by pages of a balloon that are none of its memory", () => {
      const punched: unknown[] = [];
      const note = (...range: unknown[]) => void punched.push(range);
      const sys = { files: { punchHole: note }, devices: { discard: note } };
      const backing = { kind: "file", fd: 9, offset: 0x5000 } as const;
      const region = { address: 0, size: memorySize, hostAddress: 0n, backing };
      const device = new BalloonDevice({ discard: discardPages(sys, [region]), reporting: true, deflateOnOom: true });
      for (const page of [memorySize / 4096, 0xffffffff, 0x80000]) {
        const driven = new DrivenDevice(device).start();
        driven.memory.writeU32(data, page);
        driven.send(0, [{ address: data, length: 4 }]);
        expect(driven.needsReset, String(page)).to.equal(true);
        driven.reset();
      }
      expect(punched).to.deep.equal([]);
    });

    it("not by memory that is plugged or unplugged outside of what can be", () => {
      const device = new MemDevice({ ...high, blockSize: 4096, discard });
      device.requested = high.size;
      const driven = new DrivenDevice(device).start();
      for (const kind of [0, 1, 3]) {
        for (const [address, blocks] of [
          [high.address + high.size, 1],
          [high.address - 4096, 2],
          [high.address, 17],
          [high.address + 1, 1],
          [0, 1],
          [high.address, 0xffff],
        ] as const) {
          driven.memory.slice(data, 24).fill(0);
          driven.memory.writeU16(data, kind);
          driven.memory.writeU64(data + 8, address);
          driven.memory.writeU16(data + 16, blocks);
          driven.send(0, [
            { address: data, length: 24 },
            { address: data + 0x100, length: 10, write: true },
          ]);
          driven.queue(0).collect();
          // VIRTIO_MEM_RESP_ERROR
          expect(driven.memory.readU16(data + 0x100), `${kind} ${address} ${blocks}`).to.equal(3);
        }
      }
      expect(device.plugged).to.equal(0);
    });

    it("not by a queue whose rings are outside of its memory", () => {
      for (const at of [memorySize - 16, memorySize, high.address - 0x1000]) {
        const driven = new DrivenDevice(new RngDevice());
        driven.negotiate(driven.offered());
        driven.setUp(0, { size: 64, descriptors: at, driver: data, device: data + 0x1000 });
        driven.write(0x70, 15);
        expect(driven.needsReset, at.toString(16)).to.equal(true);
        driven.transport.notified(0);
        expect(driven.guarded.damaged()).to.equal(false);
      }
    });

    it("not by rings that move after the device runs", () => {
      const driven = new DrivenDevice(new RngDevice()).start();
      const { size, driver, device } = driven.queue(0);
      driven.setUp(0, { size, descriptors: memorySize, driver, device });
      driven.send(0, [{ address: data, length: 16, write: true }]);
      expect(driven.needsReset).to.equal(false);
      expect(
        driven
          .queue(0)
          .collect()
          .map(({ written }) => written),
      ).to.deep.equal([16]);
    });
  });

  it("CVE-2019-18960 of Firecracker: not by a packet whose data crosses from one stretch of memory into what follows", async () => {
    const device = await VsockDevice.create({ path: join(directory, "vsock"), cid: 3, log: silentLogger });
    devices.push(device);
    const driven = new DrivenDevice(device).start();
    driven.send(1, [
      { address: data, length: 44 },
      { address: memorySize - 4, length: 4096 },
    ]);
    expect(driven.needsReset).to.equal(true);
    expect(driven.guarded.damaged()).to.equal(false);
  });

  for (const advisory of ["CVE-2026-24834", "CVE-2020-2025"]) {
    it(`${advisory}: nothing the guest does changes a disk that is read-only, which its image is`, async () => {
      const { disk, device } = block(true);
      disk.content.fill(0x11);
      const driven = new DrivenDevice(device).start();
      // A driver that takes what it is not offered is refused.
      const greedy = new DrivenDevice(block(true).device);
      expect(greedy.negotiate(greedy.offered() | (1n << 13n) | (1n << 14n))).to.equal(false);
      for (const kind of [1, 11, 13]) {
        driven.memory.writeU32(data, kind);
        driven.memory.writeU64(data + 8, 0);
        driven.memory.slice(data + 0x800, 1).fill(0xff);
        driven.send(0, [
          header,
          { address: data + 0x1000, length: 512 },
          { address: data + 0x800, length: 1, write: true },
        ]);
        await new Promise((resolve) => setImmediate(resolve));
        expect(driven.memory.slice(data + 0x800, 1)[0], `request ${kind}`).to.be.oneOf([1, 2]);
      }
      expect(disk.content.every((byte) => byte === 0x11)).to.equal(true);
      expect(disk.calls).to.deep.equal([]);
    });
  }
});
