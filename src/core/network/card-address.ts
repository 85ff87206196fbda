import type { LinkInfo } from "../contracts/endpoint.js";
import { isHardwareAddress } from "../sys/netlink/hardware-address.js";
import { networkErrors } from "./errors.js";

/** The hardware address that the machine's card gets from a link; an error for a link that is not of Ethernet. */
export function cardAddress({ name, hardwareAddress }: Pick<LinkInfo, "name" | "hardwareAddress">): string {
  if (isHardwareAddress(hardwareAddress)) return hardwareAddress;
  throw networkErrors.KATA_NETWORK_HARDWARE_ADDRESS({ link: name, address: hardwareAddress });
}
