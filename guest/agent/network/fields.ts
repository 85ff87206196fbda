import { isIPv4, isIPv6 } from "node:net";
import { type IPAddress, IPFamily } from "../../../src/core/proto/gen/kata/types.js";
import { addressBits, type IpFamily } from "../../../src/core/sys/netlink/ip-address.js";
import { badArgument } from "../errors.js";

/** An address of a request, checked. */
export interface CheckedAddress {
  readonly family: IpFamily;
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
  return { family, address, prefix: mask === "" ? bits : Number(mask) };
}

/** Checks `ADDRESS/BITS`; empty is the default route. */
export function checkDestination(field: string, text: string): CheckedAddress | undefined {
  if (text === "") return undefined;
  const [address = "", mask = ""] = text.split("/");
  const checked = checkAddress(field, { address, mask });
  return checked.prefix === 0 ? undefined : checked;
}
