import { expect } from "chai";
import { kvmRequests, kvmStructureBytes } from "../../../../src/core/kvm/abi.js";
import type { Devices } from "../../../../src/core/sys/devices.js";
import { SysError } from "../../../../src/core/sys/sys-error.js";
import { readMsrs, tscDeadline, writeMsrs } from "../../../../src/vmm/kvm/msrs.js";
import { restoreChips, saveChips } from "../../../../src/vmm/kvm/saved-chips.js";
import { restoreVcpu, saveVcpu } from "../../../../src/vmm/kvm/saved-vcpu.js";
import { someState } from "../../../support/vmm/saved-state.js";
import { thrown } from "../../core/sys/fixture.js";

const nameOf = new Map(Object.entries(kvmRequests).map(([name, request]) => [request as number, name]));

/** A KVM that keeps what it is given, and notes what it is asked. */
class FakeKvm {
  readonly calls: string[] = [];
  readonly structures = new Map<number, Uint8Array>();
  readonly msrs = new Map<number, bigint>();
  readonly unwritable = new Set<number>();
  tscKhz: number | undefined = 1000;
  scales = false;

  readonly devices = { ioctl: (fd: number, request: number, argument?: unknown) => this.#ioctl(fd, request, argument) };

  #ioctl(_fd: number, request: number, argument: unknown): number {
    const name = nameOf.get(request) ?? "unknown";
    this.calls.push(name);
    if (name === "getTscKhz") {
      if (this.tscKhz === undefined) throw new SysError("ioctl", [], 5, "EIO");
      return this.tscKhz;
    }
    if (name === "setTscKhz" && !this.scales) throw new SysError("ioctl", [], 22, "EINVAL");
    if (!(argument instanceof Uint8Array)) return 0;
    if (!/msr|cpuid/i.test(name)) expect(argument.length, name).to.equal(kvmStructureBytes(request));
    const view = new DataView(argument.buffer, argument.byteOffset);
    if (name === "getMsrIndexList") {
      const numbers = [...this.msrs.keys()];
      view.setUint32(0, numbers.length, true);
      for (const [index, number] of numbers.entries()) view.setUint32(4 + 4 * index, number, true);
    }
    if (name === "getMsrs" || name === "setMsrs") return this.#msrs(view, name === "setMsrs");
    if (name === "getCpuid2") view.setUint32(0, 1, true);
    if (name.startsWith("set")) this.structures.set(request & 0xff, argument.slice());
    return 0;
  }

  #msrs(view: DataView, write: boolean): number {
    const count = view.getUint32(0, true);
    expect(count).to.be.lessThan(256);
    for (let index = 0; index < count; index++) {
      const number = view.getUint32(8 + 16 * index, true);
      const value = this.msrs.get(number);
      if (value === undefined || (write && this.unwritable.has(number))) return index;
      if (write) this.msrs.set(number, view.getBigUint64(16 + 16 * index, true));
      else view.setBigUint64(16 + 16 * index, value, true);
    }
    return count;
  }
}

const devicesOf = (kvm: FakeKvm): Devices => kvm.devices as unknown as Devices;

describe("a vCPU that is saved", () => {
  const [saved] = someState().vcpus;
  if (saved === undefined) throw new Error("there is one");

  it("gives all that there is, the running state first, the events last, the timer before the APIC", () => {
    const kvm = new FakeKvm();
    kvm.msrs.set(0x10, 5n);
    const { msrs, tscKhz, cpuid } = saveVcpu(devicesOf(kvm), 1, 2);
    expect([msrs, tscKhz, cpuid.length]).to.deep.equal([[[0x10, 5n]], 1000, 48]);
    expect(kvm.calls[0]).to.equal("getMpState");
    expect(kvm.calls.at(-1)).to.equal("getVcpuEvents");
    expect(kvm.calls.indexOf("getMsrs")).to.be.lessThan(kvm.calls.indexOf("getLapic"));
    expect(kvm.calls).to.include.members(["getRegs", "getSregs", "getXsave", "getXcrs", "getDebugRegs", "getCpuid2"]);
  });

  it("is restored in an order that KVM can follow", () => {
    const kvm = new FakeKvm();
    for (const number of [0xc0000080, tscDeadline, 0x10]) kvm.msrs.set(number, 0n);
    restoreVcpu(devicesOf(kvm), 2, {
      ...saved,
      tscKhz: 1000,
      msrs: [
        [tscDeadline, 9n],
        [0x10, 8n],
        [0xc0000080, 7n],
      ],
    });
    expect(kvm.calls).to.deep.equal([
      "setCpuid2",
      "getTscKhz",
      "setMpState",
      "setRegs",
      "setSregs",
      "setXsave",
      "setXcrs",
      "setDebugRegs",
      "setLapic",
      "setMsrs",
      "setMsrs",
      "setVcpuEvents",
    ]);
    expect([...kvm.msrs]).to.deep.equal([
      [0xc0000080, 7n],
      [tscDeadline, 9n],
      [0x10, 8n],
    ]);
    expect(kvm.structures.get(kvmRequests.setRegs & 0xff)).to.deep.equal(saved.registers);
  });

  it("is refused by processors that do not take its registers, or count otherwise", () => {
    const kvm = new FakeKvm();
    expect(() => restoreVcpu(devicesOf(kvm), 2, saved))
      .to.throw("0xc0000080")
      .with.property("code", "KATA_VMM_SNAPSHOT_PROCESSOR");
    const slow = { ...saved, msrs: [], tscKhz: 2000 };
    expect(thrown(() => restoreVcpu(devicesOf(kvm), 2, slow))).to.equal("KATA_VMM_SNAPSHOT_PROCESSOR");
    kvm.scales = true;
    restoreVcpu(devicesOf(kvm), 2, slow);
    kvm.scales = false;
    restoreVcpu(devicesOf(kvm), 2, { ...slow, tscKhz: 1000.2 });
    kvm.tscKhz = undefined;
    restoreVcpu(devicesOf(kvm), 2, slow);
  });
});

describe("model-specific registers", () => {
  it("are read whatever their number, without those that are not there", () => {
    const kvm = new FakeKvm();
    const numbers = Array.from({ length: 600 }, (_, index) => index);
    for (const number of numbers) if (number % 7 !== 3) kvm.msrs.set(number, BigInt(number) << 40n);
    const read = readMsrs(devicesOf(kvm), 2, numbers);
    expect(read).to.deep.equal([...kvm.msrs]);
  });

  it("are written but for those that cannot be, which matter only when they are other", () => {
    const kvm = new FakeKvm();
    const wanted = Array.from({ length: 300 }, (_, index) => [index, BigInt(index)] as const);
    for (const [number] of wanted) kvm.msrs.set(number, 0n);
    for (const number of [0, 5, 299]) kvm.unwritable.add(number);
    kvm.msrs.set(5, 5n);
    kvm.msrs.delete(100);
    expect(writeMsrs(devicesOf(kvm), 2, wanted)).to.deep.equal([wanted[100], wanted[299]]);
    expect(kvm.msrs.get(298)).to.equal(298n);
  });
});

describe("a machine's interrupt controllers and clocks that are saved", () => {
  it("are asked for by their number, and given back", () => {
    const kvm = new FakeKvm();
    const saved = saveChips(kvm.devices, 3);
    expect([saved.firstPic[0], saved.secondPic[0], saved.ioApic[0]]).to.deep.equal([0, 1, 2]);
    const clock = new Uint8Array(saved.clock.length).fill(3);
    restoreChips(kvm.devices, 3, { ...saved, clock });
    // What KVM said of the clock it does not take back.
    const given = kvm.structures.get(kvmRequests.setClock & 0xff);
    expect(Array.from(given?.subarray(0, 16) ?? [])).to.deep.equal([3, 3, 3, 3, 3, 3, 3, 3, 0, 0, 0, 0, 3, 3, 3, 3]);
    expect(clock[8]).to.equal(3);
  });
});
