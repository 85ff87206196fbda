/** What containerd gives a container when nobody says otherwise, in bytes. */
export const usualShmSize = 64n * 1024n * 1024n;

const units: Readonly<Record<string, bigint>> = { "": 1n, k: 1n << 10n, m: 1n << 20n, g: 1n << 30n };

/** Bytes of tmpfs's option `size=` (the last one counts); undefined when there is none, or it is a share of memory (`50%`). */
export function sizeOption(options: readonly string[]): bigint | undefined {
  const text = options.findLast((option) => option.startsWith("size="))?.slice("size=".length);
  const [, digits, unit = ""] = /^(\d{1,18})([kmg]?)$/i.exec(text ?? "") ?? [];
  if (digits === undefined) return undefined;
  return BigInt(digits) * (units[unit.toLowerCase()] ?? 1n);
}
