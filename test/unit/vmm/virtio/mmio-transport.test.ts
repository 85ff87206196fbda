import { expect } from "chai";
import { commonFeatures, type DeviceContext, type VirtioDevice } from "../../../../src/vmm/virtio/device.js";
import { interruptReason, mmioRegister } from "../../../../src/vmm/virtio/mmio-registers.js";
import { DriverQueue } from "../../../support/vmm/driver-queue.js";
import { data, DrivenDevice, memorySize } from "../../../support/vmm/driven-device.js";

/** A device that notes what it is told, and does what a test has it do. */
class ScriptedDevice implements VirtioDevice {
  readonly kind = 4;
  readonly name = "scripted";
  readonly features = 1n << 5n;
  readonly queueSizes = [8, 16];
  configuration = Uint8Array.of(1, 2, 3, 4, 5);
  readonly calls: string[] = [];
  context: DeviceContext | undefined;
  onNotify: (queue: number) => void = () => undefined;
  onReset: () => void | Promise<void> = () => undefined;
  onActivate: () => void = () => undefined;

  configure(offset: number, bytes: Uint8Array): void {
    this.configuration.set(bytes, offset);
  }
  activate(context: DeviceContext): void {
    this.calls.push("activate");
    this.context = context;
    this.onActivate();
  }
  notify(queue: number): void {
    this.calls.push(`notify ${queue}`);
    this.onNotify(queue);
  }
  reset(): void | Promise<void> {
    this.calls.push("reset");
    return this.onReset();
  }
  close(): void {
    this.calls.push("close");
  }
}

const { version1, indirect, eventIndex } = commonFeatures;
const reg = mmioRegister;

function scripted() {
  const device = new ScriptedDevice();
  return { device, driven: new DrivenDevice(device) };
}

describe("virtio over memory-mapped I/O", () => {
  it("says what it is, before anything was negotiated", () => {
    const { driven } = scripted();
    const values = [reg.magic, reg.version, reg.deviceId, reg.status, reg.interruptStatus].map((r) => driven.read(r));
    expect(values).to.deep.equal([0x74726976, 2, 4, 0, 0]);
    expect(driven.offered()).to.equal((1n << 5n) | version1 | indirect | eventIndex);
    for (const word of [2, 3, 0xffffffff]) {
      driven.write(reg.deviceFeaturesSelect, word);
      expect(driven.read(reg.deviceFeatures)).to.equal(0);
    }
    const sizes = [0, 1, 2, 0xffffffff].map((queue) => {
      driven.write(reg.queueSelect, queue);
      return driven.read(reg.queueSizeMax);
    });
    expect(sizes).to.deep.equal([8, 16, 0, 0]);
    expect(driven.read(reg.sharedMemoryLengthLow)).to.equal(0xffffffff);
  });

  it("knows no access to a register but of 32 bits", () => {
    const { driven } = scripted();
    for (const [offset, length] of [
      [0, 1],
      [0, 2],
      [0, 8],
      [2, 4],
      [0xff, 4],
    ] as const) {
      const bytes = new Uint8Array(length).fill(7);
      driven.transport.read(offset, bytes);
      expect(
        bytes.every((byte) => byte === 0),
        `${offset} ${length}`,
      ).to.equal(true);
    }
    void driven.transport.write(reg.status, Uint8Array.of(1));
    void driven.transport.write(reg.status, new Uint8Array(8).fill(1));
    expect(driven.status).to.equal(0);
  });

  it("gives the configuration in any width, and takes what is written into it", () => {
    const { device, driven } = scripted();
    const read = (offset: number, length: number): number[] => {
      const bytes = new Uint8Array(length);
      driven.transport.read(reg.config + offset, bytes);
      return Array.from(bytes);
    };
    expect([read(1, 1), read(0, 2), read(4, 4), read(2 ** 31, 8)]).to.deep.equal([
      [2],
      [1, 2],
      [5, 0, 0, 0],
      [0, 0, 0, 0, 0, 0, 0, 0],
    ]);
    const write = (offset: number, ...bytes: number[]) =>
      driven.transport.write(reg.config + offset, Uint8Array.from(bytes));
    void write(0, 9);
    expect(device.configuration[0]).to.equal(1);
    driven.negotiate(version1);
    void write(1, 9, 8);
    void write(4, 9, 8);
    expect(Array.from(device.configuration)).to.deep.equal([1, 9, 8, 4, 5]);
  });

  it("has another generation for another configuration", () => {
    const { device, driven } = scripted();
    const first = driven.read(reg.configGeneration);
    expect(driven.read(reg.configGeneration)).to.equal(first);
    device.configuration[4] = 99;
    expect(driven.read(reg.configGeneration)).to.not.equal(first);
  });

  it("agrees on features that were offered, with version 1 among them, and on no others", () => {
    for (const [features, accepted] of [
      [version1, true],
      [version1 | indirect | (1n << 5n), true],
      [0n, false],
      [indirect, false],
      [version1 | (1n << 6n), false],
      [version1 | (1n << 63n), false],
    ] as const) {
      const { driven } = scripted();
      expect(driven.negotiate(features), String(features)).to.equal(accepted);
      expect(driven.status).to.equal(accepted ? 11 : 3);
    }
    const { driven } = scripted();
    driven.write(reg.status, 3);
    driven.write(reg.driverFeaturesSelect, 0xffffffff);
    driven.write(reg.driverFeatures, 1);
    expect(driven.negotiate(version1)).to.equal(false);
  });

  it("keeps features as they were agreed on", () => {
    const { device, driven } = scripted();
    driven.negotiate(version1);
    driven.write(reg.driverFeatures, 0);
    driven.write(reg.status, 15);
    expect(device.context?.features).to.equal(version1);
  });

  it("starts the device with the queues that are ready", () => {
    const { device, driven } = scripted();
    driven.negotiate(driven.offered());
    const queue = new DriverQueue({ memory: driven.memory, size: 8, at: 0x4000, eventIndex: true });
    driven.setUp(1, queue);
    expect(driven.read(reg.queueReady)).to.equal(1);
    driven.write(reg.queueSize, 4);
    driven.write(reg.status, 15);
    expect(driven.status).to.equal(15);
    expect(device.context?.queues.map((q) => q?.size)).to.deep.equal([undefined, 8]);
    for (const index of [0, 1, 2, 0xffffffff]) driven.write(reg.queueNotify, index);
    driven.transport.notified(1);
    expect(device.calls).to.deep.equal(["activate", "notify 1", "notify 1"]);
  });

  it("ignores a driver that goes out of order", () => {
    const { device, driven } = scripted();
    const queue = new DriverQueue({ memory: driven.memory, size: 8, at: 0 });
    driven.setUp(0, queue);
    driven.write(reg.status, 2);
    driven.write(reg.status, 4);
    driven.write(reg.queueNotify, 0);
    expect(driven.status).to.equal(0);
    driven.write(reg.status, 1);
    driven.write(reg.status, 5);
    driven.write(reg.status, 9);
    expect(driven.status).to.equal(1);
    driven.negotiate(version1);
    driven.write(reg.queueSelect, 0);
    expect(driven.read(reg.queueReady)).to.equal(0);
    driven.write(reg.status, 8);
    expect(driven.status).to.equal(11);
    expect(device.calls).to.deep.equal([]);
    driven.write(reg.status, 15);
    driven.setUp(0, queue);
    driven.write(reg.status, 7);
    expect([driven.status, driven.read(reg.queueReady)]).to.deep.equal([15, 0]);
    driven.write(reg.status, 128);
    driven.write(reg.status, 15);
    expect(driven.status).to.equal(15 | 128);
  });

  it("interrupts for buffers and for the configuration, until that is acknowledged", () => {
    const { device, driven } = scripted();
    driven.start();
    const { context } = device;
    device.onNotify = () => {
      const queue = context?.queues[1] ?? expect.fail();
      queue.push(queue.pop() ?? expect.fail(), 0);
      context?.interrupt(queue);
      context?.interrupt(queue);
    };
    driven.send(1, [{ address: data, length: 1 }]);
    expect([driven.interrupts, driven.read(reg.interruptStatus)]).to.deep.equal([1, interruptReason.queue]);
    context?.configurationChanged();
    expect([driven.interrupts, driven.read(reg.interruptStatus)]).to.deep.equal([2, 3]);
    driven.write(reg.interruptAck, interruptReason.queue);
    expect(driven.read(reg.interruptStatus)).to.equal(interruptReason.configuration);
    Atomics.and(driven.interruptStatus, 0, ~interruptReason.configuration);
    expect(driven.read(reg.interruptStatus)).to.equal(0);
  });

  const breaks: [string, (device: ScriptedDevice) => void][] = [
    ["throws at a notification", (device) => (device.onNotify = () => expect.fail("thrown"))],
    ["says so", (device) => (device.onNotify = () => device.context?.fail(new Error("thrown")))],
  ];
  for (const [what, arrange] of breaks) {
    it(`needs a reset when the device ${what}, and leaves it alone until then`, () => {
      const { device, driven } = scripted();
      arrange(device);
      driven.start();
      driven.transport.notified(0);
      expect(driven.status).to.equal(15 | 64);
      expect([driven.interrupts, driven.read(reg.interruptStatus)]).to.deep.equal([1, interruptReason.configuration]);
      expect(driven.lines.join()).to.include("device=scripted").and.to.include("thrown");
      driven.transport.notified(0);
      device.context?.configurationChanged();
      device.context?.fail(new Error("again"));
      driven.write(reg.status, 15);
      expect([driven.interrupts, driven.lines.length, driven.status]).to.deep.equal([1, 1, 15 | 64]);
      driven.reset();
      expect([driven.status, driven.read(reg.interruptStatus)]).to.deep.equal([0, 0]);
      driven.start();
      expect(driven.status).to.equal(15);
      expect(device.calls).to.deep.equal(["activate", "notify 0", "reset", "activate"]);
    });
  }

  it("needs a reset when a queue cannot be, or the device cannot start", () => {
    const { device, driven } = scripted();
    for (const [size, at] of [
      [6, 0],
      [16, 0],
      [8, memorySize],
      [8, 8],
    ] as const) {
      driven.negotiate(version1);
      const { descriptors, driver, device: used } = new DriverQueue({ memory: driven.memory, size, at });
      driven.setUp(0, { size, descriptors, driver, device: used });
      driven.write(reg.status, 15);
      expect(driven.status, `${size} ${at}`).to.equal(15 | 64);
      driven.reset();
    }
    expect(device.calls).to.deep.equal([]);
    device.onActivate = () => expect.fail("thrown");
    driven.start();
    expect(driven.status).to.equal(15 | 64);
    driven.reset();
    expect(device.calls).to.deep.equal(["activate", "reset"]);
  });

  it("is reset when the device is done with the driver, not before", async () => {
    const { device, driven } = scripted();
    let finish = (): void => undefined;
    device.onReset = () => new Promise((resolve) => (finish = resolve));
    driven.start();
    driven.reset();
    const done = driven.settled;
    driven.reset();
    driven.write(reg.status, 1);
    driven.transport.notified(0);
    expect(driven.status).to.equal(15);
    const { context } = device;
    const queue = context?.queues[0] ?? expect.fail();
    driven.queue(0).add([{ address: data, length: 1 }]);
    driven.queue(0).publish();
    queue.push(queue.pop() ?? expect.fail(), 0);
    context?.interrupt(queue);
    finish();
    await done;
    expect([driven.status, driven.interrupts]).to.deep.equal([0, 0]);
    expect(device.calls).to.deep.equal(["activate", "reset"]);
    driven.start();
    expect(driven.status).to.equal(15);
  });

  it("needs a reset again when one has failed", async () => {
    const { device, driven } = scripted();
    device.onReset = () => Promise.reject(new Error("busy"));
    driven.start();
    driven.reset();
    await driven.settled;
    expect(driven.needsReset).to.equal(true);
    device.onReset = () => expect.fail("still busy");
    driven.reset();
    expect(driven.needsReset).to.equal(true);
    device.onReset = () => undefined;
    driven.reset();
    expect(driven.status).to.equal(0);
  });

  it("resets the device before it closes it", async () => {
    const { device, driven } = scripted();
    driven.start();
    await driven.transport.close();
    expect(device.calls).to.deep.equal(["activate", "reset", "close"]);
  });
});
