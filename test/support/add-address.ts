import type { Rtnetlink } from "../../src/core/sys/netlink.js";
import { AddressFlag } from "../../src/core/sys/netlink/address.js";

/** Gives a link an address, told as `10.0.0.1/24` or `fd00::1/64`, that is usable at once. */
export function addAddress(route: Rtnetlink, link: number, text: string): void {
  const [address = "", prefix] = text.split("/");
  const family = address.includes(":") ? "ipv6" : "ipv4";
  const flags = family === "ipv6" ? AddressFlag.noDuplicateCheck : 0;
  route.addAddress({ link, family, address, prefix: Number(prefix), flags });
}
