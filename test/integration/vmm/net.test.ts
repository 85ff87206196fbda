import { expect } from "chai";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { SocketFamily, SocketType } from "../../../src/core/sys/socket-address.js";
import { netFeature } from "../../../src/vmm/virtio/net/features.js";
import { NetDevice } from "../../../src/vmm/virtio/net/net.js";
import { type TestContext, testContext } from "../../support/vmm/test-queue.js";
import { needsRoot } from "../sys/fixture.js";

/** Every protocol, `ETH_P_ALL`, in network order, and one for experiments, `ETH_P_802_EX1`. */
const allProtocols = 0x0300;
const protocol = [0x88, 0xb5];

/** A frame of a protocol that no stack answers. */
function frameOf(text: string): Buffer {
  const header = Buffer.from([...Array.from({ length: 6 }, () => 0xff), 2, 0, 0, 0, 0, 9, ...protocol]);
  return Buffer.concat([header, Buffer.from(text), Buffer.alloc(46)]);
}

const ours = (frame: Uint8Array): boolean => frame[12] === protocol[0] && frame[13] === protocol[1];
const textOf = (frame: Uint8Array): string => Buffer.from(frame.subarray(14)).toString().replace(/\0+$/, "");

describe("the network device at a tap of the kernel's", () => {
  const sys = createLinuxSys();
  const namespace = `/run/netns/kata-ts-net-${process.pid}`;
  let device: NetDevice;
  let context: TestContext;
  let socket: number;

  before(function () {
    needsRoot(this);
    sys.namespaces.createNetworkNamespace(namespace);
  });

  after(() => {
    if (process.getuid?.() === 0) sys.namespaces.removeNetworkNamespace(namespace);
  });

  afterEach(() => {
    device.close();
    sys.descriptors.close(socket);
  });

  /** A device at a new tap, whose link is up, and a socket for whole frames at the link. */
  function start(queuePairs: number, features: bigint): void {
    const taps = sys.taps.open({ name: "tap0", namespace, queuePairs, exclusive: true });
    device = new NetDevice({ id: "eth0", taps, sys, mac: "02:00:00:00:00:01" });
    const links = sys.netlink.route(namespace);
    const index = links.link("tap0")?.index ?? expect.fail("there is no link");
    links.changeLink(index, { up: true });
    links.close();
    const kind = { family: SocketFamily.packet, type: SocketType.raw | SocketType.nonBlocking };
    socket = sys.namespaces.inNetworkNamespace(namespace, () => sys.sockets.open({ ...kind, protocol: allProtocols }));
    const address = Buffer.alloc(20);
    address.writeUInt16LE(SocketFamily.packet, 0);
    address.writeUInt16LE(allProtocols, 2);
    address.writeInt32LE(index, 4);
    sys.sockets.bind(socket, address);
    context = testContext(device.queueSizes.length, features);
    device.activate(context);
  }

  const queue = (index: number) => context.queues[index] ?? expect.fail("no such queue");

  function give(count: number, bytes: number): void {
    for (let i = 0; i < count; i++) queue(0).add([], [Buffer.alloc(12), Buffer.alloc(bytes - 12)]);
    device.notify(0);
  }

  /** The frames of ours that the driver gets, until there are so many. */
  async function framesOf(count: number): Promise<Uint8Array[]> {
    const frames: Uint8Array[] = [];
    while (frames.length < count) {
      await new Promise<void>((resolve) => {
        context.onInterrupt = () => resolve();
        if (queue(0).used.length > 0) resolve();
      });
      for (const { chain, written } of queue(0).used.splice(0)) {
        const frame = Buffer.concat(chain.writable).subarray(12, written);
        if (ours(frame)) frames.push(frame);
        give(1, 2_000);
      }
    }
    return frames;
  }

  async function received(): Promise<Uint8Array> {
    const bytes = Buffer.alloc(2_000);
    for (;;) {
      await sys.descriptors.ready(socket, { readable: true }, { ms: 5_000, what: "a frame at the tap's link" });
      const length = sys.sockets.receive(socket, bytes);
      if (length !== undefined && ours(bytes)) return bytes.subarray(0, length);
    }
  }

  it("carries frames both ways", async () => {
    start(1, netFeature.mergeable);
    give(8, 2_000);
    for (let i = 0; i < 200; i++) {
      sys.sockets.send(socket, frameOf(`to the guest ${i}`));
      const [frame] = await framesOf(1);
      expect(textOf(frame ?? Buffer.alloc(0))).to.equal(`to the guest ${i}`);
      queue(1).add([Buffer.alloc(12), frameOf(`from the guest ${i}`)]);
      device.notify(1);
      let bytes = await received();
      // what the socket sent comes by it too
      while (textOf(bytes).startsWith("to")) bytes = await received();
      expect(textOf(bytes)).to.equal(`from the guest ${i}`);
    }
    expect(context.failures).to.deep.equal([]);
  });

  it("keeps frames in the tap until the driver gives a buffer", async () => {
    start(1, 0n);
    for (let i = 0; i < 5; i++) sys.sockets.send(socket, frameOf(`${i}`));
    give(1, 2_000);
    expect((await framesOf(5)).map(textOf)).to.deep.equal(["0", "1", "2", "3", "4"]);
  });

  it("is at the first queue of several until the driver asks for more", async () => {
    start(4, netFeature.control | netFeature.multiQueue);
    give(64, 2_000);
    for (let i = 0; i < 32; i++) sys.sockets.send(socket, frameOf(`${i}`));
    expect(await framesOf(32)).to.have.length(32);
    queue(8).add([Uint8Array.of(4, 0, 4, 0)], [new Uint8Array(1)]);
    device.notify(8);
    expect(queue(8).used[0]?.chain.writable[0]?.[0]).to.equal(0);
    queue(7).add([Buffer.alloc(12), frameOf("by the last queue")]);
    device.notify(7);
    let bytes = await received();
    while (textOf(bytes) !== "by the last queue") bytes = await received();
    expect(context.failures).to.deep.equal([]);
  });

  it("loses frames that the kernel finds malformed", () => {
    start(1, 0n);
    const nonsense = Buffer.alloc(12, 0xff);
    for (const bytes of [Buffer.alloc(12), Buffer.concat([nonsense, frameOf("x")]), Buffer.alloc(13)]) {
      queue(1).add([bytes]);
      device.notify(1);
    }
    expect(queue(1).used).to.have.length(3);
    expect(context.failures).to.deep.equal([]);
  });
});
