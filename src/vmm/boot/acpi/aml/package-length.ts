import { concat } from "../../bytes.js";
import { bootErrors } from "../../errors.js";

/** What one, two, three and four bytes of `PkgLength` hold at most. */
const limits = [0x3f, 0xfff, 0xfffff, 0xfffffff] as const;

/** `content` after its `PkgLength`, which counts its own bytes too (ACPI 6.3, 20.2.4). */
export function withPackageLength(content: Uint8Array): Uint8Array {
  const more = limits.findIndex((limit, index) => content.length + index + 1 <= limit);
  if (more < 0) {
    throw bootErrors.KATA_VMM_TABLE_SPACE({ table: "AML object", size: content.length, limit: limits[3] - 4 });
  }
  const length = content.length + more + 1;
  if (more === 0) return concat(Uint8Array.of(length), content);
  // The number of bytes that follow, and the lowest 4 bits; then 8 bits a byte.
  const bytes = Uint8Array.from({ length: more }, (_, index) => length >>> (4 + 8 * index));
  return concat(Uint8Array.of((more << 6) | (length & 0xf)), bytes, content);
}
