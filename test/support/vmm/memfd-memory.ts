import type { Mapping } from "../../../src/core/sys/devices.js";
import type { Sys } from "../../../src/core/sys/sys.js";
import { vmmErrors } from "../../../src/vmm/errors.js";
import type { GuestMemory, MemoryRegion } from "../../../src/vmm/memory/guest-memory.js";

/** Guest's memory in one file, as a daemon can map it: for tests. */
export class MemfdMemory implements GuestMemory {
  readonly regions: readonly MemoryRegion[];
  readonly #sys: Sys;
  readonly #fd: number;
  readonly #mapping: Mapping;
  readonly #bytes: Buffer;

  constructor(sys: Sys, size: number) {
    this.#sys = sys;
    this.#fd = sys.descriptors.memfd("guest", size);
    this.#mapping = sys.devices.map({ fd: this.#fd, length: size, write: true });
    const { bytes, address } = this.#mapping;
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.regions = [{ address: 0, size, hostAddress: address, backing: { kind: "file", fd: this.#fd, offset: 0 } }];
  }

  close(): void {
    this.#mapping.unmap();
    this.#sys.descriptors.close(this.#fd);
  }

  slice(address: number, length: number): Buffer {
    const fits = address >= 0 && address + length <= this.#bytes.length;
    if (!fits) throw vmmErrors.KATA_VMM_GUEST_ADDRESS({ address, length });
    return this.#bytes.subarray(address, address + length);
  }

  addressOf(view: Uint8Array): number {
    return view.byteOffset - this.#bytes.byteOffset;
  }

  readU16 = (address: number): number => this.slice(address, 2).readUInt16LE();
  readU32 = (address: number): number => this.slice(address, 4).readUInt32LE();
  readU64 = (address: number): number => Number(this.slice(address, 8).readBigUInt64LE());
  writeU16 = (address: number, value: number): void => void this.slice(address, 2).writeUInt16LE(value);
  writeU32 = (address: number, value: number): void => void this.slice(address, 4).writeUInt32LE(value);
  writeU64 = (address: number, value: number): void => void this.slice(address, 8).writeBigUInt64LE(BigInt(value));
  loadU16 = (address: number): number => Atomics.load(this.#word(address), 0);
  storeU16 = (address: number, value: number): void => void Atomics.store(this.#word(address), 0, value);

  #word(address: number): Uint16Array {
    const { buffer, byteOffset } = this.slice(address, 2);
    return new Uint16Array(buffer, byteOffset, 1);
  }
}
