import { isIP } from "node:net";
import { netlinkErrors } from "./errors.js";

export type IpFamily = "ipv4" | "ipv6";

/** `AF_INET` and `AF_INET6`. */
export const familyNumber: Readonly<Record<IpFamily, number>> = { ipv4: 2, ipv6: 10 };

const bytesOf: Readonly<Record<IpFamily, number>> = { ipv4: 4, ipv6: 16 };

/** The family of a number of the kernel; undefined for one that is not of IP. */
export const familyOf = (number: number): IpFamily | undefined =>
  number === familyNumber.ipv4 ? "ipv4" : number === familyNumber.ipv6 ? "ipv6" : undefined;

/** The number of bits of a family's addresses. */
export const addressBits = (family: IpFamily): number => bytesOf[family] * 8;

/** The bytes of an address in network order; `KATA_NETLINK_VALUE` when it is none of that family. */
export function parseIpAddress(family: IpFamily, text: string): Uint8Array {
  const found = isIP(text);
  if (found === 4 && family === "ipv4") return Uint8Array.from(text.split("."), Number);
  if (found === 6 && family === "ipv6" && !text.includes("%")) return parseIpv6(text);
  const why = `it is no ${family === "ipv4" ? "IPv4" : "IPv6"} address`;
  throw netlinkErrors.KATA_NETLINK_VALUE({ what: `the address ${JSON.stringify(text)}`, why });
}

/** The usual form (RFC 5952); `KATA_NETLINK_BROKEN` when there are not as many bytes as the family has. */
export function formatIpAddress(family: IpFamily, bytes: Uint8Array): string {
  if (bytes.length !== bytesOf[family]) {
    throw netlinkErrors.KATA_NETLINK_BROKEN({ why: `an ${family} address of ${bytes.length} bytes` });
  }
  return family === "ipv4" ? bytes.join(".") : formatIpv6(bytes);
}

/** An address that somebody wrote, in the usual form. */
export const usualAddress = (family: IpFamily, text: string): string =>
  formatIpAddress(family, parseIpAddress(family, text));

/** The first address of the network with a prefix of so many bits. */
export function networkOf(family: IpFamily, address: string, prefix: number): string {
  const bytes = parseIpAddress(family, address);
  for (const index of bytes.keys()) {
    const kept = Math.min(8, Math.max(0, prefix - 8 * index));
    bytes[index] = (bytes[index] ?? 0) & (0xff00 >> kept) & 0xff;
  }
  return formatIpAddress(family, bytes);
}

function parseIpv6(text: string): Uint8Array {
  const lastColon = text.lastIndexOf(":");
  const tail = text.slice(lastColon + 1);
  const words = tail.includes(".") ? `${text.slice(0, lastColon + 1)}${embedded(tail)}` : text;
  const [head = "", rest] = words.split("::");
  const before = groups(head);
  const after = groups(rest ?? "");
  const filled = rest === undefined ? before : [...before, ...zeros(8 - before.length - after.length), ...after];
  return Uint8Array.from(filled.flatMap((group) => [group >> 8, group & 0xff]));
}

const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);

const groups = (text: string): number[] =>
  text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));

/** The last 32 bits, written as IPv4, as two groups. */
function embedded(text: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = text.split(".").map(Number);
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

function formatIpv6(bytes: Uint8Array): string {
  const all = Array.from({ length: 8 }, (_, index) => ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0));
  const mapped = all.slice(0, 5).every((group) => group === 0) && all[5] === 0xffff;
  if (mapped) return `::ffff:${bytes.subarray(12).join(".")}`;
  const { start, length } = longestZeros(all);
  const hex = all.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

/** The longest run of zero groups, the first of equals. */
function longestZeros(all: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of all.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  }
  return best;
}
