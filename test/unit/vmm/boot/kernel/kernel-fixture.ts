import { mib } from "../plain-memory.js";

/** A segment of a hand-made vmlinux. */
export interface FixtureSegment {
  readonly address: number;
  readonly content: Buffer;
  readonly memorySize?: number;
}

/** Where program headers are, and the size of one. */
export const programHeaders = { at: 64, size: 56 } as const;

/** A vmlinux of these segments, with a note before them that is not loaded. */
export function vmlinuxFile(segments: readonly FixtureSegment[], entry = 16 * mib): Buffer {
  const count = segments.length + 1;
  const head = Buffer.alloc(programHeaders.at + count * programHeaders.size);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(head);
  head.writeUInt16LE(2, 16);
  head.writeUInt16LE(62, 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(BigInt(entry), 24);
  head.writeBigUInt64LE(BigInt(programHeaders.at), 32);
  head.writeUInt16LE(64, 52);
  head.writeUInt16LE(programHeaders.size, 54);
  head.writeUInt16LE(count, 56);
  head.writeUInt32LE(4, programHeaders.at);
  let offset = head.length;
  for (const [index, { address, content, memorySize = content.length }] of segments.entries()) {
    const at = programHeaders.at + (index + 1) * programHeaders.size;
    head.writeUInt32LE(1, at);
    head.writeBigUInt64LE(BigInt(offset), at + 8);
    head.writeBigUInt64LE(BigInt.asUintN(64, 0xffffffff80000000n + BigInt(address)), at + 16);
    head.writeBigUInt64LE(BigInt(address), at + 24);
    head.writeBigUInt64LE(BigInt(content.length), at + 32);
    head.writeBigUInt64LE(BigInt(memorySize), at + 40);
    offset += content.length;
  }
  return Buffer.concat([head, ...segments.map(({ content }) => content)]);
}

/** Fields of a hand-made bzImage that are not as usual. */
export interface BzImageFields {
  readonly sectors?: number;
  readonly version?: number;
  readonly preferred?: number;
  readonly initSize?: number;
  readonly relocatable?: boolean;
}

/** A bzImage of boot protocol 2.15 around this code, which is at 16 MiB unless told. */
export function bzImageFile(code: Buffer, fields: BzImageFields = {}): Buffer {
  const { sectors = 2, version = 0x20f, preferred = 16 * mib, initSize = 4 * mib, relocatable = true } = fields;
  const padded = Buffer.concat([code, Buffer.alloc(-code.length & 15)]);
  const head = Buffer.alloc(((sectors || 4) + 1) * 512);
  head.writeUInt8(sectors, 0x1f1);
  head.writeUInt32LE(padded.length / 16, 0x1f4);
  head.writeUInt16LE(0xaa55, 0x1fe);
  head.writeUInt16LE(0x6aeb, 0x200);
  head.write("HdrS", 0x202, "latin1");
  head.writeUInt16LE(version, 0x206);
  head.writeUInt8(1, 0x211);
  head.writeUInt32LE(0x7fffffff, 0x22c);
  head.writeUInt32LE(2 * mib, 0x230);
  head.writeUInt8(Number(relocatable), 0x234);
  head.writeUInt16LE(1, 0x236);
  head.writeUInt32LE(2047, 0x238);
  head.writeBigUInt64LE(BigInt(preferred), 0x258);
  head.writeUInt32LE(initSize, 0x260);
  return Buffer.concat([head, padded]);
}
