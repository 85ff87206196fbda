import fc from "fast-check";
import { opcode } from "../../../src/vmm/fuse/protocol.js";
import { text, words } from "./fuse-client.js";

const number = fc.oneof(
  { weight: 8, arbitrary: fc.nat(5) },
  { weight: 2, arbitrary: fc.constantFrom(16, 40, 64, 100, 256, 4096) },
  { weight: 1, arbitrary: fc.constantFrom(0o100644, 0o40755, 0o20666, 0x7fffffff, 0x80000000, 0xffffffff) },
  { weight: 1, arbitrary: fc.nat(0xffffffff) },
);

const long = fc.oneof(
  { weight: 8, arbitrary: fc.bigInt(0n, 6n) },
  { weight: 2, arbitrary: fc.constantFrom(64n, 4096n, 2n ** 31n, 2n ** 32n) },
  { weight: 1, arbitrary: fc.constantFrom(2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n) },
);

const name = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("a", "b", "c", "user.a") },
  {
    weight: 2,
    arbitrary: fc.constantFrom("", ".", "..", "../outside", "/", "a/b", "n".repeat(60), "security.capability"),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 10 }) },
);

const texts = fc.array(name, { maxLength: 3 }).map((all) => Buffer.concat(all.map((one) => text(one))));

/** Arguments: numbers of both sizes, names, or bytes, in any order. */
const args = fc.oneof(
  fc
    .tuple(fc.array(fc.oneof(number, long), { maxLength: 8 }), texts)
    .map(([numbers, names]) => Buffer.concat([words(...numbers), names])),
  fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
);

/** What drivers send most: the beginning of arguments of 64, 32, 32 and more bits. */
const usual = fc
  .tuple(long, long, number, number, long, number, number, texts)
  .map(([handle, at, size, flags, owner, more, rest, names]) =>
    Buffer.concat([words(handle, at, size, flags, owner, more, rest), names]),
  );

const operation = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...Object.values(opcode)) },
  { weight: 1, arbitrary: fc.nat(60) },
);

/** A request of any kind, as long as it says in most cases; padded or cut to `length` bytes when there is one. */
export function fuseRequest(length?: number): fc.Arbitrary<Buffer> {
  const parts = fc.tuple(operation, fc.oneof(long, fc.constant(1n)), fc.oneof(args, usual), fc.nat(20), number);
  return parts.map(([kind, node, bytes, wrong, any]) => {
    const body = length === undefined ? bytes : Buffer.alloc(length - 40);
    if (length !== undefined) bytes.copy(body);
    // What a WRITE writes is most of the time as long as it says.
    if (kind === opcode.write && body.length >= 40 && wrong < 15) body.writeUInt32LE(body.length - 40, 16);
    const size = wrong === 20 ? any : 40 + body.length;
    return Buffer.concat([words(size, kind, 7n, node, any % 3, any % 3, 1, 0), body]);
  });
}
