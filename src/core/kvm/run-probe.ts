import { closeSync, openSync } from "node:fs";
import { messageOf } from "../errors/error.js";
import type { Devices, Mapping } from "../sys/devices.js";
import { kvmApiVersion, kvmExitName, kvmExits, kvmRegs, kvmRequests, kvmRunOffsets, kvmSregs } from "./abi.js";
import { guestLayout, guestMemory, guestSteps, progress, progressPort, writeProbeGuest } from "./probe-guest.js";

const cpuidEntries = 256;
const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Of a segment: type, present, privilege, 32-bit, not a system one, 64-bit, granularity, available. */
const attributes = {
  code: [0xb, 1, 0, 0, 1, 1, 1, 0],
  data: [0x3, 1, 0, 1, 1, 0, 1, 0],
  task: [0xb, 1, 0, 0, 0, 0, 0, 0],
} as const;

/** Puts a vCPU into long mode at the start of the program, with flat segments and interrupts off. */
function enterLongMode(devices: Devices, vcpu: number): void {
  const sregs = new Uint8Array(kvmSregs.size);
  devices.ioctl(vcpu, kvmRequests.getSregs, sregs);
  const view = viewOf(sregs);
  const segment = (at: number, selector: number, attributes: readonly number[]) => {
    view.setBigUint64(at, 0n, true);
    view.setUint32(at + 8, 0xffffffff, true);
    view.setUint16(at + 12, selector, true);
    sregs.set(attributes, at + 14);
  };
  const { cs, ds, es, fs, gs, ss, tr } = kvmSregs.segments;
  segment(cs, 0x08, attributes.code);
  for (const at of [ds, es, fs, gs, ss]) segment(at, 0x10, attributes.data);
  segment(tr, 0x18, attributes.task);
  view.setBigUint64(kvmSregs.gdt, BigInt(guestLayout.gdt), true);
  view.setUint16(kvmSregs.gdt + 8, 3 * 8 - 1, true);
  view.setBigUint64(kvmSregs.idt, BigInt(guestLayout.idt), true);
  view.setUint16(kvmSregs.idt + 8, 32 * 16 - 1, true);
  // PG, NE, ET, MP, PE; OSXMMEXCPT, OSFXSR, PAE; LMA, LME, SCE
  view.setBigUint64(kvmSregs.cr0, 0x80000033n, true);
  view.setBigUint64(kvmSregs.cr3, BigInt(guestLayout.pml4), true);
  view.setBigUint64(kvmSregs.cr4, 0x620n, true);
  view.setBigUint64(kvmSregs.efer, 0x501n, true);
  devices.ioctl(vcpu, kvmRequests.setSregs, sregs);
  const regs = new Uint8Array(kvmRegs.size);
  viewOf(regs).setBigUint64(kvmRegs.rsp, BigInt(guestLayout.stackTop), true);
  viewOf(regs).setBigUint64(kvmRegs.rip, BigInt(guestLayout.code), true);
  viewOf(regs).setBigUint64(kvmRegs.rflags, 2n, true);
  devices.ioctl(vcpu, kvmRequests.setRegs, regs);
}

function makeVm(devices: Devices, kvm: number, memory: Mapping): number {
  const vm = devices.ioctl(kvm, kvmRequests.createVm, 0);
  devices.ioctl(vm, kvmRequests.setTssAddress, 0xfffbd000);
  devices.ioctl(vm, kvmRequests.createIrqchip, 0);
  const region = new Uint8Array(32);
  viewOf(region).setBigUint64(16, BigInt(guestMemory), true);
  viewOf(region).setBigUint64(24, memory.address, true);
  devices.ioctl(vm, kvmRequests.setUserMemoryRegion, region);
  return vm;
}

function makeVcpu(devices: Devices, kvm: number, vm: number): number {
  const vcpu = devices.ioctl(vm, kvmRequests.createVcpu, 0);
  const cpuid = new Uint8Array(8 + cpuidEntries * 40);
  viewOf(cpuid).setUint32(0, cpuidEntries, true);
  devices.ioctl(kvm, kvmRequests.getSupportedCpuid, cpuid);
  devices.ioctl(vcpu, kvmRequests.setCpuid2, cpuid);
  enterLongMode(devices, vcpu);
  return vcpu;
}

/** Runs the guest to its end; what keeps it from getting there, or undefined when it did. */
function runGuest(
  devices: Devices,
  vcpu: number,
  state: Uint8Array,
  onStep: (step: string) => void,
): string | undefined {
  const view = viewOf(state);
  for (;;) {
    devices.ioctl(vcpu, kvmRequests.run);
    const reason = view.getUint32(kvmRunOffsets.exitReason, true);
    if (reason !== kvmExits.io || view.getUint16(kvmRunOffsets.ioPort, true) !== progressPort) {
      const suberror = view.getUint32(kvmRunOffsets.suberror, true);
      return `KVM_RUN ended with ${kvmExitName(reason)}${reason === kvmExits.internalError ? ` ${suberror}` : ""}`;
    }
    const value = state[Number(view.getBigUint64(kvmRunOffsets.ioDataOffset, true))] ?? 0;
    if (value === progress.done) return undefined;
    if (value === progress.wrong) return "the result is wrong";
    onStep(guestSteps[value - 1] ?? `step ${value}`);
  }
}

/**
 * Runs the probe guest on KVM and blocks until it is done, which on a broken KVM may be never: only for a process of its
 * own. `onStep` is told what is tried next. Undefined when all went well, else what went wrong, as a clause.
 */
export function runKvmProbe(devices: Devices, path: string, onStep: (step: string) => void): string | undefined {
  const descriptors: number[] = [];
  const mappings: Mapping[] = [];
  const keep = (fd: number) => {
    descriptors.push(fd);
    return fd;
  };
  try {
    // First of all, because the first call also loads what calls the kernel, which is not KVM's time.
    const memory = devices.map({ length: guestMemory, write: true });
    mappings.push(memory);
    writeProbeGuest(memory.bytes);
    onStep("open it");
    const kvm = keep(openSync(path, "r+"));
    const version = devices.ioctl(kvm, kvmRequests.getApiVersion, 0);
    if (version !== kvmApiVersion) return `it has version ${version} of KVM's interface, not ${kvmApiVersion}`;
    onStep("create a virtual machine");
    const vm = keep(makeVm(devices, kvm, memory));
    onStep("create a vCPU");
    const vcpu = keep(makeVcpu(devices, kvm, vm));
    const state = devices.map({ fd: vcpu, length: devices.ioctl(kvm, kvmRequests.getVcpuMmapSize, 0), write: true });
    mappings.push(state);
    return runGuest(devices, vcpu, state.bytes, onStep);
  } catch (error) {
    return messageOf(error);
  } finally {
    for (const mapping of mappings.toReversed()) mapping.unmap();
    for (const fd of descriptors.toReversed()) closeSync(fd);
  }
}
