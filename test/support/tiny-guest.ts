/** Where the guest's program is loaded, and begins. */
const start = 0x100000;

const elfHeader = 64;
const programHeader = 56;

/** Ports of a machine's console, of its power and of its reset. */
const console = 0x3f8;

const u16 = (value: number): number[] => [value & 0xff, value >> 8];
const u32 = (value: number): number[] => [...u16(value & 0xffff), ...u16(value >>> 16)];

/** A piece, and a short jump back to its beginning. */
const back = (piece: readonly number[], jump: number): number[] => [...piece, jump, 0x100 - piece.length - 2];

/** Pieces of programs for a processor in 64-bit mode that has nothing but its memory. */
export const code = {
  /** `mov dx, port; mov al, value; out dx, al`. */
  out: (port: number, value: number): number[] => [0x66, 0xba, ...u16(port), 0xb0, value, 0xee],
  /** Writes to a port so many times: `mov dx, port; mov ecx, count`, then `out dx, al; dec ecx; jnz` back. */
  outs: (port: number, count: number): number[] => [
    0x66,
    0xba,
    ...u16(port),
    0xb9,
    ...u32(count),
    ...back([0xee, 0xff, 0xc9], 0x75),
  ],
  /** Writes text to the console. */
  say: (text: string): number[] => [...Buffer.from(text)].flatMap((byte) => code.out(console, byte)),
  /** `mov eax, [address]`: reads a word of 32 bits, below 4 GiB. */
  load: (address: number): number[] => [0xa1, ...u32(address), 0, 0, 0, 0],
  /** `mov eax, value; mov [address], eax`. */
  store: (address: number, value: number): number[] => [0xb8, ...u32(value), 0xa3, ...u32(address), 0, 0, 0, 0],
  /** Writes the four bytes of eax to the console, the lowest first: `mov dx, port`, then four times `out dx, al; shr eax, 8`. */
  sayWord: (): number[] => [
    0x66,
    0xba,
    ...u16(console),
    ...Array.from({ length: 4 }, () => [0xee, 0xc1, 0xe8, 8]).flat(),
  ],
  /** Adds one to a word of 32 bits, and has it in eax: `mov eax, [address]; inc eax; mov [address], eax`. */
  count: (address: number): number[] => [...code.load(address), 0xff, 0xc0, 0xa3, ...u32(address), 0, 0, 0, 0],
  /** `jmp` to the beginning of what is so long: a loop. */
  again: (length: number): number[] => [0xe9, ...u32(-(length + 5) >>> 0)],
  /** Reads a word again and again while it is that value: `mov eax, [address]; cmp eax, value; je` back. */
  whileEqual: (address: number, value: number): number[] => back([...code.load(address), 0x3d, ...u32(value)], 0x74),
  /** Reads a word again and again until it is that value. */
  untilEqual: (address: number, value: number): number[] => back([...code.load(address), 0x3d, ...u32(value)], 0x75),
  powerOff: (): number[] => code.out(0x600, 0x34),
  reset: (): number[] => code.out(0xcf9, 6),
  /** An instruction that there is not, and nobody to tell: a triple fault. */
  crash: (): number[] => [0x0f, 0x0b],
  /** `jmp $`. */
  spin: (): number[] => [0xeb, 0xfe],
  halt: (): number[] => [0xf4, 0xeb, 0xfd],
};

/** A kernel, as an ELF file, whose whole program is this. */
export function tinyKernel(...pieces: readonly (readonly number[])[]): {
  readonly name: string;
  readonly bytes: Uint8Array;
} {
  const program = Buffer.from(pieces.flat());
  const header = Buffer.alloc(elfHeader + programHeader);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(62, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(start), 24);
  header.writeBigUInt64LE(BigInt(elfHeader), 32);
  header.writeUInt16LE(elfHeader, 52);
  header.writeUInt16LE(programHeader, 54);
  header.writeUInt16LE(1, 56);
  const segment = header.subarray(elfHeader);
  segment.writeUInt32LE(1, 0);
  segment.writeUInt32LE(7, 4);
  segment.writeBigUInt64LE(BigInt(header.length), 8);
  segment.writeBigUInt64LE(BigInt(start), 16);
  segment.writeBigUInt64LE(BigInt(start), 24);
  segment.writeBigUInt64LE(BigInt(program.length), 32);
  segment.writeBigUInt64LE(BigInt(program.length), 40);
  segment.writeBigUInt64LE(4096n, 48);
  return { name: "a tiny kernel", bytes: Buffer.concat([header, program]) };
}
