import { expect } from "chai";
import { kvmExits, kvmIoOut, kvmRunOffsets } from "../../../../src/core/kvm/abi.js";
import { ports } from "../../../../src/vmm/machine/layout.js";
import type { Access, BusCaller } from "../../../../src/vmm/threads/bus-call.js";
import { InterruptStatus } from "../../../../src/vmm/threads/interrupt-status.js";
import { VcpuControl, vcpuControlBytes } from "../../../../src/vmm/threads/vcpu-control.js";
import { runVcpu, type VcpuParts } from "../../../../src/vmm/threads/vcpu-loop.js";

const dataAt = 1024;

/** An access to ports by a guest: `count` times `size` bytes. */
interface PortAccess {
  readonly port: number;
  readonly size: number;
  readonly count?: number;
  readonly isWrite: boolean;
}

describe("a vCPU's accesses to ports", () => {
  /** Makes them, one an exit; what devices were asked, and what there was to read for the guest after each. */
  function run(accesses: readonly PortAccess[]): { asked: Access[]; data: number[][] } {
    const state = new Uint8Array(4096);
    const view = new DataView(state.buffer);
    const waiting = [...accesses];
    const asked: Access[] = [];
    const data: number[][] = [];
    let last = 0;
    const ioctl = (): number => {
      if (last > 0) data.push(Array.from(state.subarray(dataAt, dataAt + last)));
      const next = waiting.shift();
      view.setUint32(kvmRunOffsets.exitReason, next === undefined ? kvmExits.shutdown : kvmExits.io, true);
      if (next === undefined) return 0;
      const { port, size, count = 1, isWrite } = next;
      last = size * count;
      state.fill(0, dataAt, dataAt + last + 1);
      view.setUint16(kvmRunOffsets.ioPort, port, true);
      view.setUint8(kvmRunOffsets.ioSize, size);
      view.setUint32(kvmRunOffsets.ioCount, count, true);
      view.setUint8(kvmRunOffsets.ioDirection, isWrite ? kvmIoOut : 0);
      view.setBigUint64(kvmRunOffsets.ioDataOffset, BigInt(dataAt), true);
      return 0;
    };
    const call = (access: Access, bytes: Uint8Array): void => {
      asked.push(access);
      if (!access.isWrite) bytes.fill(7);
    };
    const parts = {
      sys: { devices: { ioctl } as unknown as VcpuParts["sys"]["devices"], threads: {} as VcpuParts["sys"]["threads"] },
      fd: -1,
      state,
      bus: { call } as unknown as BusCaller,
      interrupts: new InterruptStatus(new SharedArrayBuffer(4)),
      control: new VcpuControl(new SharedArrayBuffer(vcpuControlBytes)),
    };
    expect(runVcpu(parts)).to.deep.equal({ kind: "shutdown" });
    return { asked, data };
  }

  it("are a device's where there is one", () => {
    const all = Object.values(ports).flatMap(({ first, count }) => [first, first + count - 1]);
    const { asked, data } = run(all.map((port) => ({ port, size: 1, isWrite: false })));
    expect(asked.map(({ address }) => address)).to.deep.equal(all);
    expect(data.every(([byte]) => byte === 7)).to.equal(true);
  });

  it("are nobody's elsewhere: reads are all ones, and no other thread is asked", () => {
    const { asked, data } = run([
      { port: 0x80, size: 1, isWrite: true },
      { port: 0xcfc, size: 4, isWrite: false },
      { port: 0xcf8, size: 4, isWrite: true },
      { port: 0x2f8, size: 1, count: 3, isWrite: false },
      { port: ports.console.first + ports.console.count - 1, size: 2, isWrite: false },
      { port: 0xffff, size: 2, isWrite: false },
    ]);
    expect(asked).to.deep.equal([]);
    expect(data).to.deep.equal([[0], [255, 255, 255, 255], [0, 0, 0, 0], [255, 255, 255], [255, 255], [255, 255]]);
  });
});
