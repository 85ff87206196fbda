import { vmmErrors } from "../errors.js";
import type { GuestMemory, MemoryRegion } from "./guest-memory.js";
import { windowStride } from "./windows.js";

/** A region of memory with its bytes. */
export interface MappedRegion extends MemoryRegion {
  /** As `windowsOf` makes them; one is enough for a region of up to 4 GiB. */
  readonly windows: readonly Uint8Array[];
}

interface Window {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly words: Uint16Array;
}

interface Stretch {
  readonly address: number;
  readonly size: number;
  readonly windows: readonly Window[];
}

function windowOf(bytes: Uint8Array): Window {
  return {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    words: new Uint16Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 2)),
  };
}

/** Where the last lookup ended: without an object for each access. */
interface Found {
  window: Window;
  offset: number;
}

/** `GuestMemory` over memory that is mapped into this process. Each thread makes its own. */
export class MappedMemory implements GuestMemory {
  readonly regions: readonly MemoryRegion[];
  readonly #stretches: readonly Stretch[];
  readonly #found: Found;

  /** `regions` in any order. Windows must begin at even addresses of the host. */
  constructor(regions: readonly MappedRegion[]) {
    const sorted = regions.toSorted((a, b) => a.address - b.address);
    this.regions = sorted.map(({ address, size, hostAddress, backing }) => ({ address, size, hostAddress, backing }));
    this.#stretches = sorted.map(({ address, size, windows }) => ({ address, size, windows: windows.map(windowOf) }));
    this.#found = { window: windowOf(new Uint8Array(0)), offset: 0 };
  }

  slice(address: number, length: number): Uint8Array {
    if (length === 0) return new Uint8Array(0);
    const { window, offset } = this.#find(address, length);
    return window.bytes.subarray(offset, offset + length);
  }

  addressOf(view: Uint8Array): number {
    for (const { address, windows } of this.#stretches) {
      for (const [index, { bytes }] of windows.entries()) {
        const offset = view.byteOffset - bytes.byteOffset;
        if (view.buffer === bytes.buffer && offset >= 0 && offset + view.length <= bytes.length) {
          return address + index * windowStride + offset;
        }
      }
    }
    throw vmmErrors.KATA_VMM_NOT_GUEST_MEMORY({ length: view.length });
  }

  readU16(address: number): number {
    const { window, offset } = this.#find(address, 2);
    return window.view.getUint16(offset, true);
  }

  readU32(address: number): number {
    const { window, offset } = this.#find(address, 4);
    return window.view.getUint32(offset, true);
  }

  readU64(address: number): number {
    const { window, offset } = this.#find(address, 8);
    const value = window.view.getBigUint64(offset, true);
    if (value > Number.MAX_SAFE_INTEGER) throw vmmErrors.KATA_VMM_GUEST_NUMBER({ address, value });
    return Number(value);
  }

  writeU16(address: number, value: number): void {
    const { window, offset } = this.#find(address, 2);
    window.view.setUint16(offset, value, true);
  }

  writeU32(address: number, value: number): void {
    const { window, offset } = this.#find(address, 4);
    window.view.setUint32(offset, value, true);
  }

  writeU64(address: number, value: number): void {
    const { window, offset } = this.#find(address, 8);
    window.view.setBigUint64(offset, BigInt(value), true);
  }

  loadU16(address: number): number {
    const { window, offset } = this.#find(address, 2, 2);
    return Atomics.load(window.words, offset / 2);
  }

  storeU16(address: number, value: number): void {
    const { window, offset } = this.#find(address, 2, 2);
    Atomics.store(window.words, offset / 2, value);
  }

  /** The window that has all of these bytes. Written so that no sum can pass 2^53, whatever the numbers. */
  #find(address: number, length: number, alignment = 1): Found {
    if (alignment > 1 && address % alignment !== 0) throw vmmErrors.KATA_VMM_GUEST_ALIGNMENT({ address, alignment });
    for (const stretch of this.#stretches) {
      const into = address - stretch.address;
      if (!(into >= 0 && into < stretch.size && length <= stretch.size - into)) continue;
      const index = Math.min(Math.floor(into / windowStride), stretch.windows.length - 1);
      const window = stretch.windows[index];
      const offset = into - index * windowStride;
      if (window === undefined || length > window.bytes.length - offset) break;
      this.#found.window = window;
      this.#found.offset = offset;
      return this.#found;
    }
    throw vmmErrors.KATA_VMM_GUEST_ADDRESS({ address, length });
  }
}
