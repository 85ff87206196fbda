/**
 * Numbers of Linux's KVM interface on x86-64 (`include/uapi/linux/kvm.h`, `Documentation/virt/kvm/api.rst`). Requests whose
 * name says what they take have the size of that structure in bits 16 to 29, so a buffer of another size is a mistake.
 */
export const kvmRequests = {
  getApiVersion: 0xae00,
  createVm: 0xae01,
  getMsrIndexList: 0xc004ae02,
  checkExtension: 0xae03,
  getVcpuMmapSize: 0xae04,
  getSupportedCpuid: 0xc008ae05,
  createVcpu: 0xae41,
  setUserMemoryRegion: 0x4020ae46,
  setTssAddress: 0xae47,
  createIrqchip: 0xae60,
  irqLine: 0x4008ae61,
  getIrqchip: 0xc208ae62,
  setIrqchip: 0x8208ae63,
  createPit2: 0x4040ae77,
  irqFd: 0x4020ae76,
  ioEventFd: 0x4040ae79,
  setClock: 0x4030ae7b,
  getClock: 0x8030ae7c,
  run: 0xae80,
  getRegs: 0x8090ae81,
  setRegs: 0x4090ae82,
  getSregs: 0x8138ae83,
  setSregs: 0x4138ae84,
  getMsrs: 0xc008ae88,
  setMsrs: 0x4008ae89,
  setCpuid2: 0x4008ae90,
  getCpuid2: 0xc008ae91,
  getMpState: 0x8004ae98,
  setMpState: 0x4004ae99,
  getVcpuEvents: 0x8040ae9f,
  setVcpuEvents: 0x4040aea0,
  getPit2: 0x8070ae9f,
  setPit2: 0x4070aea0,
  getDebugRegs: 0x8080aea1,
  setDebugRegs: 0x4080aea2,
  setTscKhz: 0xaea2,
  getTscKhz: 0xaea3,
  getXsave: 0x9000aea4,
  setXsave: 0x5000aea5,
  getXcrs: 0x8188aea6,
  setXcrs: 0x4188aea7,
  /** Tells the guest that it was paused, so that its watchdogs do not bark. */
  clockControl: 0xaead,
  setSignalMask: 0x4004ae8b,
  getLapic: 0x8400ae8e,
  setLapic: 0x4400ae8f,
  setFpu: 0x41a0ae8d,
} as const;

/** Bytes of the structures that requests take by their size: bits 16 to 29. */
export const kvmStructureBytes = (request: number): number => (request >>> 16) & 0x3fff;

/** Interrupt controllers that `KVM_CREATE_IRQCHIP` makes, by the number that `struct kvm_irqchip` names them by. */
export const kvmChips = { firstPic: 0, secondPic: 1, ioApic: 2 } as const;

/** The one version of the interface there has ever been since it became stable. */
export const kvmApiVersion = 12;

/** Why `KVM_RUN` came back: `exit_reason`. */
export const kvmExits = {
  unknown: 0,
  exception: 1,
  io: 2,
  hypercall: 3,
  debug: 4,
  halt: 5,
  mmio: 6,
  irqWindowOpen: 7,
  shutdown: 8,
  failEntry: 9,
  interrupted: 10,
  internalError: 17,
  systemEvent: 24,
} as const;

/** The name of an exit reason, for messages; a number that has none here is shown as such. */
export function kvmExitName(reason: number): string {
  const found = Object.entries(kvmExits).find(([, number]) => number === reason);
  return found === undefined ? `exit reason ${reason}` : found[0];
}

/** Offsets in `struct kvm_run`. */
export const kvmRunOffsets = {
  immediateExit: 1,
  exitReason: 8,
  detail: 32,
  ioDirection: 32,
  ioSize: 33,
  ioPort: 34,
  ioCount: 36,
  ioDataOffset: 40,
  mmioAddress: 32,
  mmioData: 40,
  mmioLength: 48,
  mmioIsWrite: 52,
  systemEvent: 32,
  suberror: 32,
} as const;

/** `KVM_EXIT_IO_OUT`: the guest writes. */
export const kvmIoOut = 1;

/** Bytes of `struct kvm_regs` and offsets in it. */
export const kvmRegs = { size: 144, rsi: 32, rsp: 48, rbp: 56, rip: 128, rflags: 136 } as const;

/** Offsets in `struct kvm_segment`; what has no line of its own is one byte. */
export const kvmSegment = {
  base: 0,
  limit: 8,
  selector: 12,
  type: 14,
  present: 15,
  privilege: 16,
  big: 17,
  ordinary: 18,
  long: 19,
  granular: 20,
  available: 21,
  unusable: 22,
} as const;

/** Bytes of `struct kvm_sregs` and offsets in it; a segment is 24 bytes, a descriptor table 16. */
export const kvmSregs = {
  size: 312,
  segments: { cs: 0, ds: 24, es: 48, fs: 72, gs: 96, ss: 120, tr: 144, ldt: 168 },
  gdt: 192,
  idt: 208,
  cr0: 224,
  cr3: 240,
  cr4: 248,
  efer: 264,
} as const;
