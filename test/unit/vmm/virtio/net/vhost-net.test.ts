import { expect } from "chai";
import { codeOf } from "../../../../../src/core/errors/error.js";
import { SysError } from "../../../../../src/core/sys/sys-error.js";
import type { Sys } from "../../../../../src/core/sys/sys.js";
import type { DeviceContext, HandedQueue } from "../../../../../src/vmm/virtio/device.js";
import { netFeature } from "../../../../../src/vmm/virtio/net/features.js";
import { NetDevice } from "../../../../../src/vmm/virtio/net/net.js";
import { VhostNet } from "../../../../../src/vmm/virtio/net/vhost-net.js";
import { testContext } from "../../../../support/vmm/test-queue.js";
import { FakeTap } from "../../../../support/vmm/fake-tap.js";

const features = (1n << 28n) | (1n << 29n) | (1n << 32n) | netFeature.mergeable;
const several = netFeature.control | netFeature.multiQueue;

const names: Readonly<Record<number, string>> = {
  0x8008af00: "get features",
  0x4008af00: "set features",
  0xaf01: "set owner",
  0x4008af03: "set memory",
  0x4008af10: "size",
  0x4028af11: "addresses",
  0x4008af12: "base",
  0xc008af12: "get base",
  0x4008af20: "kick",
  0x4008af21: "call",
  0x4008af30: "backend",
};

/** A kernel that notes what it is told by its vhost-nets. */
class FakeKernel {
  readonly calls: (readonly [what: string, fd: number, index?: number, value?: number])[] = [];
  readonly closed: number[] = [];
  readonly kicked: number[] = [];
  features = features | (1n << 24n);
  refuses: number | undefined;

  get sys(): Pick<Sys, "devices" | "descriptors"> {
    const descriptors: Partial<Sys["descriptors"]> = {
      close: (fd) => void this.closed.push(fd),
      addEventfd: (fd) => void this.kicked.push(fd),
    };
    const ioctl = (fd: number, request: number, argument?: unknown): number => {
      const name = names[request] ?? expect.fail(`request 0x${request.toString(16)}`);
      if (request === this.refuses) throw new SysError("ioctl", [fd, request], 1, "EPERM");
      const bytes = Buffer.isBuffer(argument) ? argument : Buffer.alloc(8);
      if (name === "get features") bytes.writeBigUInt64LE(this.features);
      else if (name === "get base") bytes.writeUInt32LE(7, 4);
      this.calls.push(bytes.length === 8 ? [name, fd, bytes.readUInt32LE(0), bytes.readInt32LE(4)] : [name, fd]);
      return 0;
    };
    return {
      descriptors: descriptors as Sys["descriptors"],
      devices: {
        ioctl,
        map: () => expect.fail("maps"),
        mapOver: () => expect.fail("maps"),
        view: () => expect.fail("views"),
        discard: () => expect.fail("discards"),
      },
    };
  }
}

describe("a network device that the kernel serves", () => {
  let kernel: FakeKernel;
  let tap: FakeTap;
  let device: NetDevice;
  let handed: number[];

  function context(taken: bigint): DeviceContext & { readonly failures: unknown[] } {
    handed = [];
    const memory = { regions: [{ address: 0, size: 0x10000, hostAddress: 0x7000_0000n, fd: 9, offset: 0 }] };
    return {
      ...testContext(device.queueSizes.length, taken),
      memory: memory as unknown as DeviceContext["memory"],
      handOver: (queue): HandedQueue => {
        handed.push(queue);
        const at = queue * 0x1000;
        return {
          descriptors: at,
          available: at + 0x400,
          used: at + 0x800,
          size: 16,
          kick: 50 + queue,
          call: 60 + queue,
        };
      },
    };
  }

  function make(queuePairs: number): void {
    kernel = new FakeKernel();
    tap = new FakeTap(queuePairs);
    const vhost = tap.fds.map((fd) => VhostNet.take(kernel.sys, 100 + fd, "net eth0"));
    device = new NetDevice({ id: "eth0", taps: tap.fds, sys: tap.sys, mac: "02:00:00:00:00:01", vhost });
  }

  it("gives the kernel the memory, the rings and the tap, and takes them back", () => {
    make(1);
    kernel.calls.length = 0;
    const transport = context(features);
    device.activate(transport);
    expect(transport.failures).to.deep.equal([]);
    const ring = (index: number) => [
      ["size", 100, index, 16],
      ["base", 100, index, 0],
      ["addresses", 100],
      ["kick", 100, index, 50 + index],
      ["call", 100, index, 60 + index],
    ];
    const backends = (fd: number) => [0, 1].map((index) => ["backend", 100, index, fd]);
    expect(kernel.calls.slice(3)).to.deep.equal([...ring(0), ...ring(1), ...backends(0)]);
    expect(kernel.calls.slice(0, 3).map(([what]) => what)).to.deep.equal([
      "get features",
      "set features",
      "set memory",
    ]);
    expect(kernel.kicked).to.deep.equal([50, 51]);
    expect(tap.queues[0]?.watched).to.equal(false);
    kernel.calls.length = 0;
    device.reset();
    expect(kernel.calls.filter(([what]) => what === "backend")).to.deep.equal(backends(-1));
    device.close();
    expect(kernel.closed).to.deep.equal([100]);
  });

  it("serves the pairs that the driver uses, each from where it was left", () => {
    make(2);
    const transport = context(features | several);
    device.activate(transport);
    const control = transport.queues[4] as unknown as { add(a: Uint8Array[], b: Uint8Array[]): void };
    const bases = () => kernel.calls.splice(0).filter(([what, fd]) => what === "base" && fd === 101);
    expect(bases()).to.deep.equal([]);
    for (const pairs of [2, 1, 2]) {
      control.add([Uint8Array.of(4, 0, pairs, 0)], [new Uint8Array(1)]);
      device.notify(4);
    }
    expect(bases().map(([, , index, base]) => [index, base])).to.deep.equal([
      [0, 0],
      [1, 0],
      [0, 7],
      [1, 7],
    ]);
    expect(transport.failures).to.deep.equal([]);
    expect(handed).to.deep.equal([0, 1, 2, 3]);
  });

  it("keeps the control queue of a driver that knows of one pair", () => {
    make(2);
    device.activate(context(features | netFeature.control));
    expect(handed).to.deep.equal([0, 1]);
  });

  it("fails where the kernel refuses, or nobody can give queues away", () => {
    make(1);
    kernel.refuses = 0x4008af30;
    const transport = context(features);
    device.activate(transport);
    expect(transport.failures.map(codeOf)).to.deep.equal(["KATA_VMM_NET_TAP"]);
    const without = testContext(2, features);
    device.activate(without);
    expect(without.failures.map(codeOf)).to.deep.equal(["KATA_VMM_NET_VHOST"]);
  });

  it("refuses a kernel that lacks features, and gives the descriptor back", () => {
    kernel = new FakeKernel();
    kernel.features = 1n;
    expect(() => VhostNet.take(kernel.sys, 5, "net eth0"))
      .to.throw()
      .with.property("code", "KATA_VMM_NET_VHOST");
    expect(kernel.closed).to.deep.equal([5]);
  });
});
