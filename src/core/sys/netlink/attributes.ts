import { netlinkErrors } from "./errors.js";

/** Bytes of a `struct nlattr`: its length and its type. */
const headerBytes = 4;

/** `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`, which are no part of the type. */
const nestedFlag = 0x8000;
const typeMask = 0x3fff;

const longest = 0xffff;

const align = (length: number): number => (length + 3) & ~3;

/** Attributes of a message that is being written: `struct nlattr`, linux/netlink.h. Numbers are of this machine's order. */
export class AttributeWriter {
  readonly #parts: Uint8Array[] = [];

  bytes(type: number, value: Uint8Array): this {
    const length = headerBytes + value.length;
    if (length > longest)
      throw netlinkErrors.KATA_NETLINK_VALUE({ what: "an attribute", why: `it has ${length} bytes` });
    const part = Buffer.alloc(align(length));
    part.writeUInt16LE(length, 0);
    part.writeUInt16LE(type, 2);
    part.set(value, headerBytes);
    this.#parts.push(part);
    return this;
  }

  u8(type: number, value: number): this {
    return this.bytes(type, Uint8Array.of(value));
  }

  u16(type: number, value: number): this {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(value);
    return this.bytes(type, bytes);
  }

  u32(type: number, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return this.bytes(type, bytes);
  }

  u64(type: number, value: bigint): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return this.bytes(type, bytes);
  }

  /** Text with the zero byte that ends it. */
  text(type: number, value: string): this {
    return this.bytes(type, Buffer.from(`${value}\0`));
  }

  nested(type: number, fill: (inner: AttributeWriter) => void): this {
    const inner = new AttributeWriter();
    fill(inner);
    return this.bytes(type | nestedFlag, inner.finish());
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

/**
 * The attributes of a received message, by type; of one that is there twice the last. Lengths were checked. Only where each is
 * is noted: of the many that a link has few are read.
 */
export class Attributes {
  readonly #bytes: Buffer;
  readonly #places: ReadonlyMap<number, number>;

  private constructor(bytes: Buffer, places: ReadonlyMap<number, number>) {
    this.#bytes = bytes;
    this.#places = places;
  }

  /** `KATA_NETLINK_BROKEN` when a length leaves the bytes there are. */
  static parse(message: Uint8Array): Attributes {
    const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
    const places = new Map<number, number>();
    for (const at of placesIn(bytes)) places.set(typeAt(bytes, at), at);
    return new Attributes(bytes, places);
  }

  has(type: number): boolean {
    return this.#places.has(type);
  }

  bytes(type: number): Buffer | undefined {
    const at = this.#places.get(type);
    return at === undefined ? undefined : valueAt(this.#bytes, at);
  }

  u8(type: number): number | undefined {
    return this.#sized(type, 1)?.readUInt8();
  }

  u16(type: number): number | undefined {
    return this.#sized(type, 2)?.readUInt16LE();
  }

  u32(type: number): number | undefined {
    return this.#sized(type, 4)?.readUInt32LE();
  }

  u64(type: number): bigint | undefined {
    return this.#sized(type, 8)?.readBigUInt64LE();
  }

  /** Up to the first zero byte. */
  text(type: number): string | undefined {
    const value = this.bytes(type);
    if (value === undefined) return undefined;
    const end = value.indexOf(0);
    return value.toString("utf8", 0, end < 0 ? value.length : end);
  }

  nested(type: number): Attributes | undefined {
    const value = this.bytes(type);
    return value && Attributes.parse(value);
  }

  #sized(type: number, least: number): Buffer | undefined {
    const value = this.bytes(type);
    if (value !== undefined && value.length < least) {
      throw netlinkErrors.KATA_NETLINK_BROKEN({
        why: `attribute ${type} has ${value.length} bytes instead of ${least}`,
      });
    }
    return value;
  }
}

/** Every attribute in order, for lists in which a type comes more than once. */
export function* attributesOf(message: Uint8Array): Generator<readonly [type: number, value: Buffer]> {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  for (const at of placesIn(bytes)) yield [typeAt(bytes, at), valueAt(bytes, at)];
}

const typeAt = (bytes: Buffer, at: number): number => bytes.readUInt16LE(at + 2) & typeMask;
const valueAt = (bytes: Buffer, at: number): Buffer => bytes.subarray(at + headerBytes, at + bytes.readUInt16LE(at));

/** Where attributes begin, as long as their lengths are right. */
function* placesIn(bytes: Buffer): Generator<number> {
  let at = 0;
  while (bytes.length - at >= headerBytes) {
    const length = bytes.readUInt16LE(at);
    if (length < headerBytes || length > bytes.length - at) {
      throw netlinkErrors.KATA_NETLINK_BROKEN({
        why: `an attribute says that it has ${length} bytes, where ${bytes.length - at} are left`,
      });
    }
    yield at;
    at += align(length);
  }
}
