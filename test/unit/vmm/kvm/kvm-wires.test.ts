import { expect } from "chai";
import { fakeSys } from "../../../../src/testing/fake-sys.js";
import { KvmWires } from "../../../../src/vmm/kvm/kvm-wires.js";

describe("the wires of a machine of KVM's", () => {
  it("raise a line for a moment: as an edge, over when it is done", () => {
    const sys = fakeSys();
    const asked: unknown[] = [];
    sys.answer("devices", "ioctl", (machine, request, argument) => {
      const level = new DataView((argument as Uint8Array).slice().buffer);
      asked.push([machine, request, level.byteLength, level.getUint32(0, true), level.getUint32(4, true)]);
      return 0;
    });
    const wires = new KvmWires(sys.devices, 7);
    for (const line of [5, 23]) wires.pulseLine(line);
    // KVM_IRQ_LINE, and `struct kvm_irq_level`: the line, and whether it is raised.
    const levels = [5, 23].flatMap((line) => [1, 0].map((level) => [7, 0x4008ae61, 8, line, level]));
    expect(asked).to.deep.equal(levels);
  });
});
