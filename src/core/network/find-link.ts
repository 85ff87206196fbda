import type { Rtnetlink } from "../sys/netlink.js";
import type { Link } from "../sys/netlink/link.js";
import { networkErrors } from "./errors.js";

/** A link of the pod by its name; an error that lists those there are when it has gone. */
export function findLink(route: Rtnetlink, namespace: string, name: string): Link {
  const link = route.link(name);
  if (link !== undefined) return link;
  const there = route.links().map((one) => one.name);
  throw networkErrors.KATA_NETWORK_LINK_GONE({ link: name, namespace, there });
}
