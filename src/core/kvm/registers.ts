import { kvmRegs, kvmSegment, kvmSregs } from "./abi.js";

/** A segment as a processor has it loaded (Intel's SDM, volume 3, 3.4.5). */
export interface SegmentState {
  readonly selector: number;
  readonly base: number;
  /** The last byte's offset, whatever `granular` says. */
  readonly limit: number;
  readonly type: number;
  /** Of code or data; false for one of the system's. */
  readonly ordinary: boolean;
  /** Code of 64 bits. */
  readonly long: boolean;
  /** Operands of 32 bits. */
  readonly big: boolean;
  /** The descriptor counts the limit in pages. */
  readonly granular: boolean;
}

/** Code of 64 bits, in a segment that is all of memory. */
export const codeSegment = (selector: number): SegmentState => ({
  selector,
  base: 0,
  limit: 0xffffffff,
  type: 0xb,
  ordinary: true,
  long: true,
  big: false,
  granular: true,
});

/** Data that may be written, in a segment that is all of memory. */
export const dataSegment = (selector: number): SegmentState => ({
  ...codeSegment(selector),
  type: 0x3,
  long: false,
  big: true,
});

/**
 * A task that nothing uses. A processor in long mode must have one, and one of Intel's enters no guest whose task is of
 * another size (SDM, volume 3, 26.3.1.2).
 */
export const taskSegment = (selector: number): SegmentState => ({
  ...codeSegment(selector),
  limit: 0x67,
  ordinary: false,
  long: false,
  granular: false,
});

/** Where a descriptor table is, and the offset of its last byte. */
export interface DescriptorTable {
  readonly base: number;
  readonly limit: number;
}

/** What of `struct kvm_sregs` a vCPU is started with. All segments are present, and of the highest privilege. */
export interface SpecialRegisters {
  readonly cs: SegmentState;
  /** For ds, es, fs, gs and ss. */
  readonly data: SegmentState;
  readonly tr: SegmentState;
  readonly gdt: DescriptorTable;
  readonly idt: DescriptorTable;
  readonly cr0: number;
  readonly cr3: number;
  readonly cr4: number;
  readonly efer: number;
}

/** What of `struct kvm_regs` a vCPU is started with; the others are 0. */
export interface GeneralRegisters {
  readonly rip: number;
  readonly rsi: number;
  readonly rsp: number;
  readonly rbp: number;
  readonly rflags: number;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function writeSegment(view: DataView, at: number, segment: SegmentState): void {
  view.setBigUint64(at + kvmSegment.base, BigInt(segment.base), true);
  view.setUint32(at + kvmSegment.limit, segment.limit, true);
  view.setUint16(at + kvmSegment.selector, segment.selector, true);
  view.setUint8(at + kvmSegment.type, segment.type);
  view.setUint8(at + kvmSegment.present, 1);
  view.setUint8(at + kvmSegment.privilege, 0);
  view.setUint8(at + kvmSegment.big, Number(segment.big));
  view.setUint8(at + kvmSegment.ordinary, Number(segment.ordinary));
  view.setUint8(at + kvmSegment.long, Number(segment.long));
  view.setUint8(at + kvmSegment.granular, Number(segment.granular));
  view.setUint8(at + kvmSegment.available, 0);
  view.setUint8(at + kvmSegment.unusable, 0);
}

/**
 * Writes them into what `KVM_GET_SREGS` has filled, for `KVM_SET_SREGS`. The rest, such as where the local APIC is and
 * whether it is on, stays as KVM made it.
 */
export function writeSpecialRegisters(sregs: Uint8Array, registers: SpecialRegisters): void {
  const view = viewOf(sregs);
  const { cs, ds, es, fs, gs, ss, tr } = kvmSregs.segments;
  writeSegment(view, cs, registers.cs);
  for (const at of [ds, es, fs, gs, ss]) writeSegment(view, at, registers.data);
  writeSegment(view, tr, registers.tr);
  for (const table of ["gdt", "idt"] as const) {
    view.setBigUint64(kvmSregs[table], BigInt(registers[table].base), true);
    view.setUint16(kvmSregs[table] + 8, registers[table].limit, true);
  }
  for (const name of ["cr0", "cr3", "cr4", "efer"] as const) {
    view.setBigUint64(kvmSregs[name], BigInt(registers[name]), true);
  }
}

/** `struct kvm_regs` of them, for `KVM_SET_REGS`. */
export function encodeGeneralRegisters(registers: GeneralRegisters): Uint8Array {
  const regs = new Uint8Array(kvmRegs.size);
  for (const name of ["rip", "rsi", "rsp", "rbp", "rflags"] as const) {
    viewOf(regs).setBigUint64(kvmRegs[name], BigInt(registers[name]), true);
  }
  return regs;
}
