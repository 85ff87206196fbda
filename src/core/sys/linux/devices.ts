import { type Devices, type Mapping, type MapRequest, viewLimit } from "../devices.js";
import { sysErrors } from "../errors.js";
import type { Libc } from "./libc.js";

const mmapPrototype = "intptr_t mmap(intptr_t, size_t, int, int, int, int64_t)";
const readable = 1;
const writable = 2;
const sharedMapping = 0x01;
const privateMapping = 0x02;
const fixed = 0x10;
const anonymous = 0x20;
const noReserve = 0x4000;
const dontNeed = 4;

/** `Devices` by ioctl(2) and mmap(2). */
export class LinuxDevices implements Devices {
  readonly #libc: Libc;
  /** Gives the addresses of an undone mapping back once nobody can touch them any more. */
  readonly #abandoned: FinalizationRegistry<{ readonly address: number; readonly length: number }>;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#abandoned = new FinalizationRegistry(({ address, length }) => {
      libc.attempt("int munmap(intptr_t, size_t)", address, length);
    });
  }

  ioctl(fd: number, request: number, argument: number | bigint | Uint8Array = 0): number {
    if (argument instanceof Uint8Array) return this.#libc.call("int ioctl(int, ulong, void*)", fd, request, argument);
    return this.#libc.call("int ioctl(int, ulong, intptr_t)", fd, request, argument);
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
    const address = this.#map(0, request, 0);
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
    this.#map(Number(mapping.address) + at, request, fixed);
  }

  #map(address: number, request: MapRequest, where: number): number {
    const { length, fd = -1, offset = 0, write = false, shared = true, noReserve: sparse = false } = request;
    const protection = readable | (write ? writable : 0);
    const kind = (shared ? sharedMapping : privateMapping) | (fd < 0 ? anonymous : 0) | (sparse ? noReserve : 0);
    return this.#libc.call(mmapPrototype, address, length, protection, kind | where, fd, offset);
  }

  view(address: bigint, length: number): Uint8Array {
    if (!Number.isSafeInteger(length) || length < 1 || length > viewLimit) {
      const expected = `from 1 to ${viewLimit}`;
      throw sysErrors.KATA_SYS_VALUE({ what: "the length of a view", value: String(length), expected });
    }
    return new Uint8Array(this.#libc.koffi.view(address, length));
  }

  discard(mapping: Mapping, offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > mapping.bytes.length) {
      const value = `${offset} to ${offset + length}`;
      const expected = `within its ${mapping.bytes.length} bytes`;
      throw sysErrors.KATA_SYS_VALUE({ what: "a range of a mapping", value, expected });
    }
    const start = mapping.address + BigInt(offset);
    this.#libc.call("int madvise(intptr_t, size_t, int)", start, length, dontNeed);
  }
}
