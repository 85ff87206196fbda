import { expect } from "chai";
import { Bus } from "../../../../src/vmm/bus/bus.js";
import { KeyboardReset, PowerRegister } from "../../../../src/vmm/legacy/power.js";

/** A device that notes what it is asked. */
class Noted {
  readonly calls: unknown[][] = [];
  read(offset: number, into: Uint8Array): void {
    this.calls.push(["read", offset, into.length]);
    into.fill(7);
  }
  write(offset: number, bytes: Uint8Array): void {
    this.calls.push(["write", offset, [...bytes]]);
  }
}

describe("a bus", () => {
  const read = (bus: Bus, address: number, length = 4): number[] => {
    const into = new Uint8Array(length);
    bus.read(address, into);
    return [...into];
  };

  it("passes an access on to the device at its address, by the offset in it", () => {
    const [bus, device] = [new Bus(), new Noted()];
    bus.add(0x1000, 0x100, device);
    expect(read(bus, 0x1010)).to.deep.equal([7, 7, 7, 7]);
    void bus.write(0x10fc, Uint8Array.of(1, 2, 3, 4));
    expect(device.calls).to.deep.equal([
      ["read", 0x10, 4],
      ["write", 0xfc, [1, 2, 3, 4]],
    ]);
  });

  it("is all ones where nothing is, or an access goes beyond a device", () => {
    const [bus, device] = [new Bus(), new Noted()];
    bus.add(0x1000, 0x100, device);
    for (const address of [0xfff, 0x10fd, 0x1100]) expect(read(bus, address)).to.deep.equal([255, 255, 255, 255]);
    void bus.write(0x10fe, new Uint8Array(4));
    bus.remove(device);
    expect(read(bus, 0x1000)).to.deep.equal([255, 255, 255, 255]);
    expect(device.calls).to.deep.equal([]);
  });

  it("has no two devices at one address", () => {
    const bus = new Bus();
    bus.add(0x1000, 0x100, new Noted());
    expect(() => bus.add(0x10ff, 1, new Noted())).to.throw(/two devices at 0x10ff/);
    bus.add(0x1100, 1, new Noted());
  });
});

describe("the ways in which a guest ends its machine", () => {
  it("are a keyboard's reset, and registers with values of their own", () => {
    const asked: string[] = [];
    const keyboard = new KeyboardReset((request) => asked.push(request));
    keyboard.write(0, Uint8Array.of(0xfe));
    keyboard.write(4, Uint8Array.of(0xaa));
    expect(asked).to.deep.equal([]);
    keyboard.write(4, Uint8Array.of(0xfe));
    const register = new PowerRegister(new Map([[0x34, "power off"]]), (request) => asked.push(request));
    for (const value of [0, 0x33, 0x34]) register.write(0, Uint8Array.of(value));
    expect(asked).to.deep.equal(["reset", "power off"]);
  });
});
