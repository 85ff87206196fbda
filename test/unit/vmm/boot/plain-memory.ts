import { vmmErrors } from "../../../../src/vmm/errors.js";
import type { GuestMemory } from "../../../../src/vmm/memory/guest-memory.js";

const fourGiB = 0x100000000;

/** A guest's memory in plain buffers: `low` bytes from address 0, and `high` from 4 GiB. */
export function plainMemory(low: number, high = 0): GuestMemory {
  const regions = [
    { address: 0, bytes: Buffer.alloc(low) },
    { address: fourGiB, bytes: Buffer.alloc(high) },
  ].filter(({ bytes }) => bytes.length > 0);
  const slice = (address: number, length: number): Buffer => {
    const region = regions.find((one) => address >= one.address && address + length <= one.address + one.bytes.length);
    if (region === undefined || length < 0) throw vmmErrors.KATA_VMM_GUEST_ADDRESS({ address, length });
    const at = address - region.address;
    return region.bytes.subarray(at, at + length);
  };
  return {
    regions: regions.map(({ address, bytes }) => ({
      address,
      size: bytes.length,
      hostAddress: 0n,
      backing: { kind: "own" } as const,
    })),
    slice,
    addressOf: (view) => {
      const region = regions.find(({ bytes }) => bytes.buffer === view.buffer && bytes.byteOffset <= view.byteOffset);
      if (region === undefined) throw vmmErrors.KATA_VMM_NOT_GUEST_MEMORY({ length: view.length });
      return region.address + view.byteOffset - region.bytes.byteOffset;
    },
    readU16: (address) => slice(address, 2).readUInt16LE(),
    readU32: (address) => slice(address, 4).readUInt32LE(),
    readU64: (address) => Number(slice(address, 8).readBigUInt64LE()),
    writeU16: (address, value) => void slice(address, 2).writeUInt16LE(value),
    writeU32: (address, value) => void slice(address, 4).writeUInt32LE(value),
    writeU64: (address, value) => void slice(address, 8).writeBigUInt64LE(BigInt(value)),
    loadU16: (address) => slice(address, 2).readUInt16LE(),
    storeU16: (address, value) => void slice(address, 2).writeUInt16LE(value),
  };
}

export const mib = 1 << 20;

/** Bytes at an address, as hexadecimal text. */
export function hexAt(memory: GuestMemory, address: number, length: number): string {
  return Buffer.from(memory.slice(address, length)).toString("hex");
}
