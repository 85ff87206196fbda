import { expect } from "chai";
import fc from "fast-check";
import { codeOf } from "../../../../../src/core/errors/error.js";
import { netFeature } from "../../../../../src/vmm/virtio/net/features.js";
import { NetDevice, type NetOptions } from "../../../../../src/vmm/virtio/net/net.js";
import { type TestContext, testContext } from "../../../../support/vmm/test-queue.js";
import { FakeTap } from "../../../../support/vmm/fake-tap.js";

const mac = "02:00:00:00:00:01";
const merge = netFeature.mergeable;
const several = netFeature.control | netFeature.multiQueue;

const frameOf = (length: number): Buffer => {
  const frame = Buffer.alloc(length);
  for (let i = 12; i < length; i++) frame[i] = i & 0xff;
  return frame;
};

describe("the network device", () => {
  let tap: FakeTap;
  let device: NetDevice;
  let context: TestContext;

  function start(queuePairs: number, features: bigint, options: Partial<NetOptions> = {}): void {
    tap = new FakeTap(queuePairs);
    device = new NetDevice({ id: "eth0", taps: tap.fds, sys: tap.sys, mac, ...options });
    context = testContext(device.queueSizes.length, features);
    device.activate(context);
  }

  const queue = (index: number) => context.queues[index] ?? expect.fail("no such queue");

  function give(count: number, bytes: number, pair = 0): void {
    for (let i = 0; i < count; i++) queue(2 * pair).add([], [new Uint8Array(7), new Uint8Array(bytes - 7)]);
    device.notify(2 * pair);
  }

  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it("tells the driver of the card", () => {
    start(2, 0n, { mtu: 1400 });
    expect(device.configuration.toString("hex")).to.equal("020000000001010002007805");
    expect(device.features & several).to.equal(several);
    expect(device.queueSizes).to.deep.equal([256, 256, 256, 256, 256]);
    device.setLink(false);
    expect(device.configuration.readUInt16LE(6)).to.equal(0);
    expect(context.configurationChanges).to.equal(1);
  });

  it("refuses settings that no card has", () => {
    const make = (options: Partial<NetOptions>) => () => start(1, 0n, options);
    for (const bad of ["", "02:00:00:00:00", "03:00:00:00:00:01", "zz:00:00:00:00:00"]) {
      expect(make({ mac: bad }))
        .to.throw()
        .with.property("code", "KATA_VMM_NET_MAC");
    }
    for (const mtu of [0, 67, 65_536, 1.5]) {
      expect(make({ mtu })).to.throw().with.property("code", "KATA_VMM_NET_VALUE");
    }
    expect(() => start(0, 0n))
      .to.throw()
      .with.property("code", "KATA_VMM_NET_VALUE");
  });

  it("sets the tap to what the driver has taken", () => {
    start(1, netFeature.guestChecksum | netFeature.guestTso4 | netFeature.guestEcn);
    expect(tap.calls).to.deep.equal([
      ["header", 0, 12],
      ["offloads", 0, { checksum: true, tso4: true, tso6: false, ecn: true }],
    ]);
    start(1, netFeature.guestTso4 | netFeature.guestEcn);
    expect(tap.calls[1]).to.deep.equal(["offloads", 0, { checksum: false, tso4: false, tso6: false, ecn: false }]);
  });

  it("sends the driver's frames, and loses those that the tap does not take", () => {
    start(1, 0n);
    const frame = frameOf(100);
    queue(1).add([frame.subarray(0, 12), frame.subarray(12)]);
    device.notify(1);
    expect(tap.queues[0]?.sent).to.deep.equal([frame]);
    for (const errno of ["EINVAL", "EIO"]) {
      tap.queues[0]!.refusal = errno;
      queue(1).add([frame]);
      device.notify(1);
    }
    queue(1).add([Buffer.alloc(70_000)]);
    device.notify(1);
    expect(queue(1).used).to.have.length(4);
    expect(context.failures).to.deep.equal([]);
  });

  it("waits for a tap that is full, and for no other", () => {
    start(1, 0n);
    const [end] = tap.queues;
    end!.refusal = "full";
    queue(1).add([frameOf(60)]);
    device.notify(1);
    expect(end?.interest.writable).to.equal(true);
    expect(queue(1).used).to.deep.equal([]);
    end?.drain();
    expect(end?.sent).to.have.length(1);
    expect(end?.interest.writable).to.equal(false);
  });

  it("fails when the tap is gone", () => {
    start(1, 0n);
    tap.queues[0]!.refusal = "EBADFD";
    queue(1).add([frameOf(60)]);
    device.notify(1);
    expect(context.failures.map(codeOf)).to.deep.equal(["KATA_VMM_NET_TAP"]);
    expect(tap.queues[0]?.watched).to.equal(false);
    expect(queue(1).held).to.equal(1);
  });

  it("looks at the tap only while the driver has buffers", () => {
    start(1, 0n);
    const [end] = tap.queues;
    expect(end?.interest).to.deep.equal({});
    give(1, 2_000);
    expect(end?.interest.readable).to.equal(true);
    end?.arrive(frameOf(100));
    expect(queue(0).used.map((used) => used.written)).to.deep.equal([100]);
    expect(end?.interest.readable).to.equal(false);
    expect(Buffer.concat(queue(0).used[0]?.chain.writable ?? []).readUInt16LE(10)).to.equal(1);
  });

  it("drops a frame longer than the buffer when the driver cannot merge", () => {
    start(1, 0n);
    give(1, 1_526);
    tap.queues[0]?.arrive(frameOf(5_000));
    tap.queues[0]?.arrive(frameOf(1_000));
    expect(queue(0).used.map((used) => used.written)).to.deep.equal([1_000]);
  });

  it("spreads a frame over buffers, and shows all of them at once", () => {
    start(1, merge);
    give(2, 2_000);
    const frame = frameOf(5_000);
    tap.queues[0]?.arrive(frame);
    expect(queue(0).used).to.deep.equal([]);
    expect(tap.queues[0]?.interest.readable).to.equal(false);
    give(2, 2_000);
    const { used } = queue(0);
    expect(used.map(({ written }) => written)).to.deep.equal([2_000, 2_000, 1_000]);
    const got = Buffer.concat(used.map(({ chain, written }) => Buffer.concat(chain.writable).subarray(0, written)));
    expect(got.readUInt16LE(10)).to.equal(3);
    expect(got.subarray(12).equals(frame.subarray(12))).to.equal(true);
    expect(tap.queues[0]?.interest.readable).to.equal(true);
  });

  it("drops a frame longer than all buffers there can be", () => {
    start(1, merge);
    give(256, 16);
    tap.queues[0]?.arrive(frameOf(5_000));
    expect(queue(0).used).to.have.length(256);
    expect(queue(0).used.every(({ written }) => written === 0)).to.equal(true);
    give(1, 2_000);
    tap.queues[0]?.arrive(frameOf(100));
    expect(queue(0).used.at(-1)?.written).to.equal(100);
  });

  it("serves a bounded number of frames in a turn", async () => {
    start(1, 0n);
    for (let i = 0; i < 100; i++) queue(1).add([frameOf(60)]);
    device.notify(1);
    expect(queue(1).used).to.have.length(64);
    await settled();
    expect(queue(1).used).to.have.length(100);
    for (let i = 0; i < 100; i++) tap.queues[0]?.frames.push(frameOf(60));
    give(100, 100);
    expect(queue(0).used).to.have.length(64);
    device.reset();
    await settled();
    expect(queue(0).used).to.have.length(64);
  });

  it("uses as many queue pairs as the driver asks for", () => {
    start(3, several | merge);
    const attachments = () => tap.calls.splice(0).filter((call) => Array.isArray(call) && call[0] === "attached");
    const ask = (pairs: number): void => {
      queue(6).add([Uint8Array.of(4, 0, pairs, 0)], [new Uint8Array(1)]);
      device.notify(6);
    };
    expect(attachments()).to.deep.equal([
      ["attached", 1, false],
      ["attached", 2, false],
    ]);
    ask(2);
    expect(attachments()).to.deep.equal([["attached", 1, true]]);
    give(1, 2_000, 1);
    tap.queues[1]?.arrive(frameOf(80));
    expect(queue(2).used.map(({ written }) => written)).to.deep.equal([80]);
    ask(1);
    expect(attachments()).to.deep.equal([["attached", 1, false]]);
    expect(tap.queues.map((end) => end.watched)).to.deep.equal([true, false, false]);
  });

  it("takes any command, answers in a byte, and never throws", () => {
    start(3, several);
    const command = fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc.tuple(fc.constant(4), fc.constant(0), fc.nat(5), fc.constant(0)).map((b) => Uint8Array.from(b)),
    );
    fc.assert(
      fc.property(command, fc.nat(2), (bytes, room) => {
        queue(6).add(
          [...bytes].map((byte) => Uint8Array.of(byte)),
          room === 0 ? [] : [new Uint8Array(room).fill(7)],
        );
        device.notify(6);
        const used = queue(6).used.pop();
        const valid =
          bytes.length >= 4 && bytes[0] === 4 && bytes[1] === 0 && bytes[3] === 0 && bytes[2]! >= 1 && bytes[2]! <= 3;
        expect(used?.written).to.equal(Math.min(room, 1));
        if (room > 0) expect(used?.chain.writable[0]?.[0]).to.equal(valid ? 0 : 1);
        if (valid) expect(tap.queues.map((end) => end.watched)).to.deep.equal([true, bytes[2]! >= 2, bytes[2]! >= 3]);
        expect(context.failures).to.deep.equal([]);
      }),
    );
  });

  it("finds the control queue behind the first pair for a driver that knows of no others", () => {
    start(2, netFeature.control);
    queue(2).add([Uint8Array.of(4, 0, 1, 0)], [new Uint8Array(1)]);
    device.notify(2);
    expect(queue(2).used[0]?.written).to.equal(1);
    // and refuses to serve it as one of a pair
    queue(2).add([Uint8Array.of(4, 0, 2, 0)], [Uint8Array.of(7)]);
    device.notify(2);
    expect(queue(2).used[1]?.chain.writable[0]?.[0]).to.equal(1);
    device.notify(4);
    expect(context.failures).to.deep.equal([]);
  });

  it("fails for buffers that have no room for a header", () => {
    fc.assert(
      fc.property(fc.nat(11), fc.nat(1), (bytes, index) => {
        start(1, merge);
        if (index === 0) queue(0).add([], [new Uint8Array(bytes)]);
        else queue(1).add([new Uint8Array(bytes)]);
        device.notify(index);
        expect(context.failures.map(codeOf)).to.deep.equal(["KATA_VMM_NET_BUFFER"]);
        device.notify(index);
        expect(context.failures).to.have.length(1);
      }),
    );
  });

  it("closes the tap once, with the device", () => {
    start(2, 0n);
    device.close();
    device.close();
    expect(tap.calls.slice(-2)).to.deep.equal([
      ["close", 0],
      ["close", 1],
    ]);
  });
});
