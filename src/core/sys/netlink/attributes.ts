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

/** The attributes of a received message, by type; of one that is there twice the last. Lengths were checked. */
export class Attributes {
  readonly #values: ReadonlyMap<number, Buffer>;

  private constructor(values: ReadonlyMap<number, Buffer>) {
    this.#values = values;
  }

  /** `KATA_NETLINK_BROKEN` when a length leaves the bytes there are. */
  static parse(bytes: Uint8Array): Attributes {
    const values = new Map<number, Buffer>();
    for (const [type, value] of attributesOf(bytes)) values.set(type, value);
    return new Attributes(values);
  }

  has(type: number): boolean {
    return this.#values.has(type);
  }

  bytes(type: number): Buffer | undefined {
    return this.#values.get(type);
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
    const value = this.#values.get(type);
    if (value === undefined) return undefined;
    const end = value.indexOf(0);
    return value.toString("utf8", 0, end < 0 ? value.length : end);
  }

  nested(type: number): Attributes | undefined {
    const value = this.#values.get(type);
    return value && Attributes.parse(value);
  }

  #sized(type: number, least: number): Buffer | undefined {
    const value = this.#values.get(type);
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
  let at = 0;
  while (bytes.length - at >= headerBytes) {
    const length = bytes.readUInt16LE(at);
    if (length < headerBytes || length > bytes.length - at) {
      throw netlinkErrors.KATA_NETLINK_BROKEN({
        why: `an attribute says that it has ${length} bytes, where ${bytes.length - at} are left`,
      });
    }
    yield [bytes.readUInt16LE(at + 2) & typeMask, bytes.subarray(at + headerBytes, at + length)];
    at += align(length);
  }
}
