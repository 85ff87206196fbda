import { isIP } from "node:net";
import type { GuestAddressing } from "../../contracts/guest.js";
import { addressBits, formatIpAddress, parseIpAddress } from "../../sys/netlink/ip-address.js";
import type { Field } from "./field.js";

/** Bytes of a link's name at most: `IFNAMSIZ` of the kernel without the last one, which is 0. */
const longestLinkName = 15;

/** Bytes of a socket's path at most: `sun_path` of unix(7) without the last one, which is 0. */
const longestSocketPath = 107;

const macForm = /^[\da-f]{2}(?::[\da-f]{2}){5}$/;

/** A MAC of six bytes, in lower case. */
export function readHardwareAddress(field: Field): string {
  const text = field.text().toLowerCase();
  if (!macForm.test(text)) throw field.refuse("; it takes six bytes, as in 02:00:00:00:00:01");
  return text;
}

/** A MAC that a card may have: of one station, and not all zeros. */
export function readCardAddress(field: Field): string {
  const address = readHardwareAddress(field);
  if ((Number.parseInt(address.slice(0, 2), 16) & 1) === 1) {
    throw field.refuse(", which is a multicast address; the first byte of a card's is even");
  }
  if (/^[0:]+$/.test(address)) throw field.refuse(", which is nobody's address");
  return address;
}

/** A name that the kernel takes for a link, other than that of the loopback. */
export function readLinkName(field: Field): string {
  const name = field.text();
  const isName = /^[^\s\p{Cc}/:]+$/u.test(name) && name !== "." && name !== "..";
  if (!isName || Buffer.byteLength(name) > longestLinkName) {
    throw field.refuse(`; it takes a name of 1 to ${longestLinkName} bytes without spaces, "/" and ":"`);
  }
  if (name === "lo") throw field.refuse(", which is the loopback");
  return name;
}

/** An absolute path. */
export function readPath(field: Field): string {
  const path = field.text();
  if (!path.startsWith("/") || path.includes("\0")) throw field.refuse("; it takes an absolute path");
  return path;
}

/** An absolute path that a socket can have. */
export function readSocketPath(field: Field): string {
  const path = readPath(field);
  if (Buffer.byteLength(path) <= longestSocketPath) return path;
  throw field.refuse(`; the path of a socket has ${longestSocketPath} bytes at most`);
}

/** An address without a prefix, as the kernel writes it. */
export function readAddress(field: Field): GuestAddressing {
  return address(field, field.text(), undefined);
}

/** An address with the length of its prefix, as in 10.0.0.2/24. */
export function readPrefixed(field: Field): GuestAddressing {
  const [text = "", bits, ...more] = field.text().split("/");
  if (bits === undefined || more.length > 0)
    throw field.refuse("; it takes an address with its prefix, as in 10.0.0.2/24");
  return address(field, text, bits);
}

/** An address with or without a prefix. */
export function readMaybePrefixed(field: Field): GuestAddressing {
  return field.text().includes("/") ? readPrefixed(field) : readAddress(field);
}

/** An address with its prefix that one link may have for its own. */
export function readOwnAddress(field: Field): GuestAddressing {
  const own = readPrefixed(field);
  const bytes = parseIpAddress(own.family, own.address);
  const isZero = bytes.every((byte) => byte === 0);
  const isLoopback = own.family === "ipv4" ? bytes[0] === 127 : own.address === "::1";
  const isMulticast = own.family === "ipv4" ? (bytes[0] ?? 0) >= 224 : bytes[0] === 0xff;
  if (isLoopback) throw field.refuse(", an address of the loopback, which the guest has itself");
  if (isZero || isMulticast) throw field.refuse(", which no link can have for its own");
  return own;
}

function address(field: Field, text: string, bits: string | undefined): GuestAddressing {
  const version = text.includes("%") ? 0 : isIP(text);
  if (version === 0) throw field.refuse("; it takes an IPv4 or IPv6 address");
  const family = version === 4 ? "ipv4" : "ipv6";
  const most = addressBits(family);
  if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most)) {
    throw field.refuse(`; its prefix has 0 to ${most} bits`);
  }
  const address = formatIpAddress(family, parseIpAddress(family, text));
  return { family, address, prefix: bits === undefined ? most : Number(bits) };
}
