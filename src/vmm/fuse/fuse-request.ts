import { dropFirst } from "../virtio/chain-bytes.js";
import { gather, lengthOf } from "../virtio/pieces.js";
import { opcode, size } from "./protocol.js";

/** The most bytes of a request besides what a WRITE writes: an extended attribute of 64 KiB with its name, and more. */
const requestLimit = 128 * 1024;

/** Bytes of a name, `NAME_MAX`, and of what a symbolic link says, `PATH_MAX`, its zero byte counted. */
const nameLimit = 255;
const targetLimit = 4096;

/**
 * One request, copied, so that the guest cannot change it any more; the memory is used again for the next one. What it asks
 * for is not checked. Numbers of 64 bits are exact below 2^53: no node, handle, position or size beyond is one that is there.
 */
export class FuseRequest {
  readonly #bytes = new Uint8Array(requestLimit);
  readonly #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #data: readonly Uint8Array[] = [];

  /** Takes a request; false for one that is shorter than its header, and so has no place for anything. */
  take(readable: readonly Uint8Array[]): boolean {
    const total = lengthOf(readable);
    if (total < size.inHeader) return false;
    const first = size.inHeader + size.writeIn;
    this.#length = gather(readable, 0, this.#bytes.subarray(0, Math.min(total, first)));
    this.#data = [];
    if (this.opcode === opcode.write) {
      this.#data = dropFirst(readable, first);
    } else if (total > first) {
      const rest = this.#bytes.subarray(first, Math.min(total, requestLimit));
      this.#length = first + gather(readable, first, rest);
    }
    this.wellFormed = this.#view.getUint32(0, true) === total && (total <= requestLimit || this.#data.length > 0);
    return true;
  }

  /** Whether its length is what it says, and no more than any request has. */
  wellFormed = false;

  get opcode(): number {
    return this.#view.getUint32(4, true);
  }

  /** The 8 bytes by which the guest knows the answer. */
  get unique(): Uint8Array {
    return this.#bytes.subarray(8, 16);
  }

  get node(): number {
    return this.#u64(16);
  }

  get uid(): number {
    return this.#view.getUint32(24, true);
  }

  get gid(): number {
    return this.#view.getUint32(28, true);
  }

  /** Bytes of its arguments, without what a WRITE writes. */
  get argumentBytes(): number {
    return this.#length - size.inHeader;
  }

  /** What a WRITE writes, in the guest's memory. */
  get data(): readonly Uint8Array[] {
    return this.#data;
  }

  u32(at: number): number {
    return this.#view.getUint32(size.inHeader + at, true);
  }

  u64(at: number): number {
    return this.#u64(size.inHeader + at);
  }

  /** Of 64 bits that are one number only to the kernel, as the places in a directory are. */
  i64(at: number): bigint {
    return this.#view.getBigInt64(size.inHeader + at, true);
  }

  /** Bytes of the arguments; undefined when there are fewer. */
  bytes(at: number, length: number): Uint8Array | undefined {
    if (length > this.argumentBytes - at) return undefined;
    return this.#bytes.subarray(size.inHeader + at, size.inHeader + at + length);
  }

  /** What stands from `at` up to a zero byte, that byte included; undefined when there is none. */
  text(at: number): Uint8Array | undefined {
    const start = size.inHeader + at;
    const end = this.#bytes.indexOf(0, start);
    return end < 0 || end >= this.#length ? undefined : this.#bytes.subarray(start, end + 1);
  }

  #u64(at: number): number {
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
  }
}

/** What is wrong with a name in a directory. It ends with a zero byte, which is not counted. */
export function nameProblem(name: Uint8Array): "invalid" | "too long" | undefined {
  const length = name.length - 1;
  if (length > nameLimit) return "too long";
  const [first, second] = name;
  const dots = first === 0x2e && (length === 1 || (length === 2 && second === 0x2e));
  return length === 0 || dots || name.includes(0x2f) ? "invalid" : undefined;
}

/** What is wrong with what a symbolic link is to say. */
export function targetProblem(target: Uint8Array): "invalid" | "too long" | undefined {
  if (target.length > targetLimit) return "too long";
  return target.length === 1 ? "invalid" : undefined;
}
