const factors: Readonly<Record<string, number>> = {
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
};

/**
 * Whole MiB of a size such as `2048`, `2GiB`, `512Mi` or `1.5g`; without a unit it is in MiB, `k`, `m`, `g` and `t` count by
 * 1000 and `ki` to `ti` by 1024, in any case of letters. Undefined when it is no size.
 */
export function parseMebibytes(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,15})?) ?([a-z]*)$/i.exec(text.trim());
  if (!match) return undefined;
  const [, digits = "", unit = ""] = match;
  if (unit === "") return digits.includes(".") ? undefined : Number(digits);
  const letters = unit.toLowerCase();
  const factor = letters === "b" ? 1 : factors[letters.replace(/b$/, "")];
  if (factor === undefined) return undefined;
  const mebibytes = Math.floor((Number(digits) * factor) / 2 ** 20);
  return Number.isSafeInteger(mebibytes) ? mebibytes : undefined;
}
