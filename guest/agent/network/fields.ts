import { isIPv4, isIPv6 } from "node:net";
import { type IPAddress, IPFamily } from "../../../src/core/proto/gen/kata/types.js";
import { addressBits, type IpFamily, usualAddress } from "../../../src/core/sys/netlink/ip-address.js";
import { badArgument } from "../errors.js";

/** An address of a request, checked. */
export interface CheckedAddress {
  readonly family: IpFamily;
  /** In the usual form, so that equal addresses have equal texts. */
  readonly address: string;
  /** Bits. */
  readonly prefix: number;
}

export const familyName = (family: IPFamily): IpFamily => (family === IPFamily.v6 ? "ipv6" : "ipv4");
export const familyValue = (family: IpFamily): IPFamily => (family === "ipv6" ? IPFamily.v6 : IPFamily.v4);

/** The family of an address; an error that names the field when it is none. */
export function familyOfText(field: string, text: string): IpFamily {
  if (isIPv4(text)) return "ipv4";
  if (isIPv6(text) && !text.includes("%")) return "ipv6";
  throw badArgument(field, text, "an IP address");
}

/** Checks an address with the length of its prefix in decimal; empty is all of it. */
export function checkAddress(field: string, { address, mask }: Pick<IPAddress, "address" | "mask">): CheckedAddress {
  const family = familyOfText(field, address);
  const bits = addressBits(family);
  if (mask !== "" && (!/^\d{1,3}$/.test(mask) || Number(mask) > bits)) {
    throw badArgument(`${field}'s prefix length`, mask, `0 to ${bits}`);
  }
  return { family, address: usualAddress(family, address), prefix: mask === "" ? bits : Number(mask) };
}

/** Checks `ADDRESS/BITS`; empty is undefined, and what has no bits is the default route of its family. */
export function checkDestination(field: string, text: string): CheckedAddress | undefined {
  if (text === "") return undefined;
  const [address = "", mask = "", ...more] = text.split("/");
  if (more.length > 0) throw badArgument(field, text, "an address and the length of its prefix");
  return checkAddress(field, { address, mask });
}

/** Checks a number that the kernel has so many bits for. */
export function checkBits(field: string, value: number, bits: 8 | 16): number {
  const most = 2 ** bits - 1;
  if (value < 0 || value > most) throw badArgument(field, value, `0 to ${most}`);
  return value;
}
