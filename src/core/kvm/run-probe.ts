import { closeSync, openSync } from "node:fs";
import { messageOf } from "../errors/error.js";
import type { Devices, Mapping } from "../sys/devices.js";
import { kvmApiVersion, kvmExitName, kvmExits, kvmRequests, kvmRunOffsets, kvmSregs } from "./abi.js";
import { guestLayout, guestMemory, guestSteps, progress, progressPort, writeProbeGuest } from "./probe-guest.js";
import {
  codeSegment,
  dataSegment,
  encodeGeneralRegisters,
  type SpecialRegisters,
  taskSegment,
  writeSpecialRegisters,
} from "./registers.js";

const cpuidEntries = 256;
const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Long mode at the start of the program, with flat segments and interrupts off. */
const start: SpecialRegisters = {
  cs: codeSegment(0x08),
  data: dataSegment(0x10),
  tr: taskSegment(0x18),
  gdt: { base: guestLayout.gdt, limit: 3 * 8 - 1 },
  idt: { base: guestLayout.idt, limit: 32 * 16 - 1 },
  // PG, NE, ET, MP, PE; OSXMMEXCPT, OSFXSR, PAE; LMA, LME, SCE
  cr0: 0x80000033,
  cr3: guestLayout.pml4,
  cr4: 0x620,
  efer: 0x501,
};

function enterLongMode(devices: Devices, vcpu: number): void {
  const sregs = new Uint8Array(kvmSregs.size);
  devices.ioctl(vcpu, kvmRequests.getSregs, sregs);
  writeSpecialRegisters(sregs, start);
  devices.ioctl(vcpu, kvmRequests.setSregs, sregs);
  const regs = { rip: guestLayout.code, rsp: guestLayout.stackTop, rsi: 0, rbp: 0, rflags: 2 };
  devices.ioctl(vcpu, kvmRequests.setRegs, encodeGeneralRegisters(regs));
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
