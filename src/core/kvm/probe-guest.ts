/** Bytes of the probe guest's memory, which begins at guest physical address 0. */
export const guestMemory = 0x10000;

/** Where things are in that memory; `stackTop` is the first address above the stack, and where `fxsave` writes is 0x9000. */
export const guestLayout = {
  pml4: 0x1000,
  pdpt: 0x2000,
  pd: 0x3000,
  gdt: 0x4000,
  idt: 0x5000,
  code: 0x6000,
  stackTop: 0x8000,
} as const;

/** The port the guest tells its progress on. */
export const progressPort = 0x10;
/** What it writes there when everything went well, and when an instruction gave a wrong result. */
export const progress = { done: 0xff, wrong: 0xfe } as const;

/** What the guest is about to try when it has written 1, 2, … to the port. */
export const guestSteps = [
  "run 64-bit code and cpuid",
  "read and write model-specific registers",
  "run SSE instructions",
  "take an int3 exception",
  "take a page fault",
  "run code it has rewritten",
  "run four million instructions",
] as const;

/** Offsets of the exception handlers in the code, by vector. */
const handlers = new Map([
  [3, 0xd0],
  [14, 0xe0],
]);

/** The guest's program, at `guestLayout.code`: position-independent, in long mode, without a kernel. */
const program = [
  "b001 e610", //                1: mov al,1; out 0x10,al
  "31c0 0fa2 85c0", //           xor eax,eax; cpuid; test eax,eax
  "0f849a000000 0f31", //        jz wrong; rdtsc
  "b002 e610", //                2: mov al,2; out 0x10,al
  "488d35d3000000", //           lea rsi,[registers]
  "8b0e 85c9 740a", //           next: mov ecx,[rsi]; test ecx,ecx; jz 3
  "0f32 0f30 4883c604 ebf0", //  rdmsr; wrmsr; add rsi,4; jmp next
  "b003 e610", //                3: mov al,3; out 0x10,al
  "b834120000 660f6ec0", //      mov eax,0x1234; movd xmm0,eax
  "660f6fc8 660ffec1", //        movdqa xmm1,xmm0; paddd xmm0,xmm1
  "0fae042500900000", //         fxsave [0x9000]
  "660fefc0", //                 pxor xmm0,xmm0
  "0fae0c2500900000", //         fxrstor [0x9000]
  "660f7ec0 3d68240000 7549", // movd eax,xmm0; cmp eax,0x2468; jne wrong
  "b004 e610", //                4: mov al,4; out 0x10,al
  "31ff cc 83ff01 753d", //      xor edi,edi; int3; cmp edi,1; jne wrong
  "b005 e610", //                5: mov al,5; out 0x10,al
  "488d1d09000000", //           lea rbx,[resumed]
  "8b042500000040 eb29", //      mov eax,[0x40000000]; jmp wrong
  "83ff02 7524", //              resumed: cmp edi,2; jne wrong
  "b006 e610", //                6: mov al,6; out 0x10,al
  "66c705040000009090", //       mov word [rewritten],0x9090
  "31c0 0fa2 0f0b", //           xor eax,eax; cpuid; rewritten: ud2, now two nops
  "b007 e610", //                7: mov al,7; out 0x10,al
  "b980841e00 ffc9 75fc", //     mov ecx,2000000; again: dec ecx; jnz again
  "b0ff e610", //                mov al,done; out 0x10,al
  "b0fe e610 f4", //             wrong: mov al,wrong; out 0x10,al; hlt
];
const onBreakpoint = "ffc7 48cf"; //                  inc edi; iretq
const onPageFault = "ffc7 4883c408 48891c24 48cf"; // inc edi; drop the error code; return to rbx; iretq
/** EFER, STAR, LSTAR, FMASK, FS, GS and kernel GS base, SYSENTER_CS, PAT: what a kernel sets early; 0 ends the list. */
const registers = [0xc0000080, 0xc0000081, 0xc0000082, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0x174, 0x277, 0];

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

/**
 * Writes the guest into its memory: page tables that map the first 2 MiB to themselves,
 * segments, exception gates, and the program.
 */
export function writeProbeGuest(memory: Uint8Array): void {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  const [present, large] = [0x3n, 0x80n];
  view.setBigUint64(guestLayout.pml4, BigInt(guestLayout.pdpt) | present, true);
  view.setBigUint64(guestLayout.pdpt, BigInt(guestLayout.pd) | present, true);
  view.setBigUint64(guestLayout.pd, present | large, true);
  // Flat segments, which exceptions and their return load: 64-bit code at 0x08, data at 0x10.
  view.setBigUint64(guestLayout.gdt + 8, 0x00af9b000000ffffn, true);
  view.setBigUint64(guestLayout.gdt + 16, 0x00cf93000000ffffn, true);
  for (const [vector, offset] of handlers) {
    const gate = guestLayout.idt + vector * 16;
    view.setUint16(gate, guestLayout.code + offset, true);
    view.setUint16(gate + 2, 0x08, true);
    view.setUint16(gate + 4, 0x8e00, true);
  }
  memory.set(hex(program.join("")), guestLayout.code);
  memory.set(hex(onBreakpoint), guestLayout.code + 0xd0);
  memory.set(hex(onPageFault), guestLayout.code + 0xe0);
  for (const [index, register] of registers.entries())
    view.setUint32(guestLayout.code + 0xf0 + index * 4, register, true);
}
