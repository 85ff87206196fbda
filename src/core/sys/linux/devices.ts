import { type Devices, type Mapping, type MapRequest, viewLimit } from "../devices.js";
import { sysErrors } from "../errors.js";
import type { CFunction, Libc } from "./libc.js";

const munmapPrototype = "int munmap(intptr_t, size_t)";
const madvisePrototype = "int madvise(intptr_t, size_t, int)";
const mmapPrototype = "intptr_t mmap(intptr_t, size_t, int, int, int, int64_t)";
const pageSize = 4096;
const readable = 1;
const writable = 2;
const sharedMapping = 0x01;
const privateMapping = 0x02;
const fixed = 0x10;
const anonymous = 0x20;
const noReserve = 0x4000;
/** `MADV_*` of `asm-generic/mman-common.h`. */
const advice = { dontNeed: 4, dontFork: 10, hugePage: 14 } as const;

/** `Devices` by ioctl(2) and mmap(2). */
export class LinuxDevices implements Devices {
  readonly #libc: Libc;
  #ioctlMemory: CFunction | undefined;
  #ioctlNumber: CFunction | undefined;
  /** Gives the addresses of an undone mapping back once nobody can touch them any more. */
  readonly #abandoned: FinalizationRegistry<{ readonly address: number; readonly length: number }>;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#abandoned = new FinalizationRegistry(({ address, length }) => {
      libc.attempt(munmapPrototype, address, length);
    });
  }

  ioctl(fd: number, request: number, argument: number | bigint | Uint8Array = 0): number {
    // A vCPU is run by nothing else: what is done here is done at each exit of a guest.
    const result =
      typeof argument === "object"
        ? (this.#ioctlMemory ??= this.#libc.function("int ioctl(int, ulong, void*)"))(fd, request, argument)
        : (this.#ioctlNumber ??= this.#libc.function("int ioctl(int, ulong, intptr_t)"))(fd, request, argument);
    if (result === -1) throw this.#libc.error("ioctl", [fd, request, argument], this.#libc.koffi.errno());
    return result;
  }

  map(request: MapRequest): Mapping {
    const { length } = request;
    if (!Number.isSafeInteger(length) || length < 1) {
      throw sysErrors.KATA_SYS_VALUE({
        what: "the length of a mapping",
        value: String(length),
        expected: "at least 1",
      });
    }
    const address = this.#mapAligned(request);
    try {
      this.#advise(address, request);
    } catch (error) {
      this.#unmap(address, length);
      throw error;
    }
    const memory = this.#libc.koffi.view(BigInt(address), Math.min(length, viewLimit));
    let mapped = true;
    return {
      address: BigInt(address),
      length,
      bytes: new Uint8Array(memory),
      unmap: () => {
        if (!mapped) return;
        mapped = false;
        // not munmap yet: a view touched afterwards would be a crash, or worse, whatever is mapped there next
        const empty = privateMapping | anonymous | fixed | noReserve;
        this.#libc.call(mmapPrototype, address, length, readable | writable, empty, -1, 0);
        this.#abandoned.register(memory, { address, length });
      },
    };
  }

  mapOver(mapping: Mapping, at: number, request: MapRequest): void {
    const isWhole = Number.isSafeInteger(at) && Number.isSafeInteger(request.length) && at >= 0 && request.length >= 1;
    if (!isWhole || at + request.length > mapping.length) {
      const value = `${at} to ${at + request.length}`;
      const expected = `within its ${mapping.length} bytes`;
      throw sysErrors.KATA_SYS_VALUE({ what: "a range of a mapping", value, expected });
    }
    this.#advise(this.#map(Number(mapping.address) + at, request, fixed), request);
  }

  #map(address: number, request: MapRequest, where: number): number {
    const { length, fd = -1, offset = 0, write = false, shared = true, noReserve: sparse = false } = request;
    const protection = readable | (write ? writable : 0);
    const kind = (shared ? sharedMapping : privateMapping) | (fd < 0 ? anonymous : 0) | (sparse ? noReserve : 0);
    return this.#libc.call(mmapPrototype, address, length, protection, kind | where, fd, offset);
  }

  /** Maps where the kernel likes, or, for an alignment of its own, into a range that is larger, whose rest it gives back. */
  #mapAligned(request: MapRequest): number {
    const { length, alignment = 1 } = request;
    if (alignment <= pageSize) return this.#map(0, request, 0);
    const reserved = Math.ceil(length / pageSize) * pageSize + alignment;
    const kind = privateMapping | anonymous | noReserve;
    const start: number = this.#libc.call(mmapPrototype, 0, reserved, 0, kind, -1, 0);
    const address = Math.ceil(start / alignment) * alignment;
    const end = address + Math.ceil(length / pageSize) * pageSize;
    try {
      this.#map(address, request, fixed);
    } catch (error) {
      this.#unmap(start, reserved);
      throw error;
    }
    if (address > start) this.#unmap(start, address - start);
    if (end < start + reserved) this.#unmap(end, start + reserved - end);
    return address;
  }

  #advise(address: number, { length, huge = false, inherited = true }: MapRequest): void {
    if (!inherited) this.#libc.call(madvisePrototype, address, length, advice.dontFork);
    // A kernel without huge pages refuses it, and has pages all the same.
    if (huge) this.#libc.attempt(madvisePrototype, address, length, advice.hugePage);
  }

  #unmap(address: number, length: number): void {
    this.#libc.call(munmapPrototype, address, length);
  }

  view(address: bigint, length: number): Uint8Array {
    if (!Number.isSafeInteger(length) || length < 1 || length > viewLimit) {
      const expected = `from 1 to ${viewLimit}`;
      throw sysErrors.KATA_SYS_VALUE({ what: "the length of a view", value: String(length), expected });
    }
    return new Uint8Array(this.#libc.koffi.view(address, length));
  }

  discard(address: bigint, length: number): void {
    this.#libc.call(madvisePrototype, address, length, advice.dontNeed);
  }
}
