import { kvmRequests } from "../../core/kvm/abi.js";
import type { Devices } from "../../core/sys/devices.js";

/** Registers of their own that a kernel expects to find set as firmware leaves them (Intel SDM vol. 4). */
const msrs: readonly (readonly [number: number, value: bigint])[] = [
  [0x174, 0n], // IA32_SYSENTER_CS, _ESP, _EIP
  [0x175, 0n],
  [0x176, 0n],
  [0xc0000081, 0n], // STAR, LSTAR, CSTAR, FMASK, KERNEL_GS_BASE
  [0xc0000082, 0n],
  [0xc0000083, 0n],
  [0xc0000084, 0n],
  [0xc0000102, 0n],
  [0x10, 0n], // the time stamp counter
  [0x1a0, 1n], // IA32_MISC_ENABLE: fast strings
  [0x2ff, 0x806n], // MTRR: on, memory is write-back
];

/** Bytes of `struct kvm_fpu`, and where its control words are. */
const fpuBytes = 416;
const fpuControl = { fcw: 128, mxcsr: 408 } as const;

/** Of the local APIC's page: its two lines, and what they deliver. */
const lapic = { bytes: 1024, line0: 0x350, line1: 0x360, external: 7, nonMaskable: 4 } as const;

/** Sets a vCPU's registers that do not depend on what is booted: as firmware leaves them. */
export function resetVcpu(devices: Devices, vcpu: number): void {
  setMsrs(devices, vcpu);
  const fpu = new Uint8Array(fpuBytes);
  const view = new DataView(fpu.buffer);
  view.setUint16(fpuControl.fcw, 0x37f, true);
  view.setUint32(fpuControl.mxcsr, 0x1f80, true);
  devices.ioctl(vcpu, kvmRequests.setFpu, fpu);
  setLocalApic(devices, vcpu);
}

function setMsrs(devices: Devices, vcpu: number): void {
  const table = new Uint8Array(8 + msrs.length * 16);
  const view = new DataView(table.buffer);
  view.setUint32(0, msrs.length, true);
  for (const [index, [number, value]] of msrs.entries()) {
    view.setUint32(8 + index * 16, number, true);
    view.setBigUint64(16 + index * 16, value, true);
  }
  devices.ioctl(vcpu, kvmRequests.setMsrs, table);
}

function setLocalApic(devices: Devices, vcpu: number): void {
  const page = new Uint8Array(lapic.bytes);
  devices.ioctl(vcpu, kvmRequests.getLapic, page);
  const view = new DataView(page.buffer);
  const deliver = (line: number, mode: number) =>
    view.setUint32(line, (view.getUint32(line, true) & ~0x700) | (mode << 8), true);
  deliver(lapic.line0, lapic.external);
  deliver(lapic.line1, lapic.nonMaskable);
  devices.ioctl(vcpu, kvmRequests.setLapic, page);
}
