import type { LinkInfo } from "../contracts/endpoint.js";
import { LinkFlag } from "../sys/netlink/link.js";

/** Whether a link is a tap; a `tun` has no Ethernet frames, and so no card could be its other end. */
export const isTap = ({ kind, details }: Pick<LinkInfo, "kind" | "details">): boolean =>
  kind === "tun" && details.tun?.type === "tap";

/** Whether a program holds the other end of a tap: the kernel gives it a carrier then. */
export const isHeldTap = ({ flags }: Pick<LinkInfo, "flags">): boolean => (flags & LinkFlag.carrier) !== 0;
