import type { Filter, NewFilter, NewQdisc, Qdisc } from "./netlink/traffic-control.js";
import type { Link, LinkChange, LinkSpec, NewLink } from "./netlink/link.js";
import type { LinkAddress, NewAddress } from "./netlink/address.js";
import type { Neighbor } from "./netlink/neighbor.js";
import type { NewRoute, Route } from "./netlink/route.js";
import type { PathOrFd } from "./path-or-fd.js";

/**
 * Links, addresses, routes, neighbours and traffic control of one network namespace: rtnetlink(7). Every call is one
 * exchange with the kernel, synchronous, some 10 to 100 microseconds; it waits for whoever else changes the network.
 * Refusals are `SysError` with the kernel's own words behind the errno, where it has any.
 */
export interface Rtnetlink {
  /** Every link, by index. */
  links(): Link[];
  /** One link by index or name; undefined when there is none. */
  link(which: number | string): Link | undefined;
  createLink(link: NewLink, spec: LinkSpec): void;
  changeLink(index: number, change: LinkChange): void;
  removeLink(index: number): void;

  /** All addresses, or those of one link. */
  addresses(link?: number): LinkAddress[];
  addAddress(address: NewAddress): void;
  removeAddress(address: NewAddress): void;

  /** Routes of both families, of all tables, or of one (`RouteTable`). */
  routes(table?: number): Route[];
  /** EEXIST when there is one with the same destination and priority. */
  addRoute(route: NewRoute): void;
  removeRoute(route: NewRoute): void;

  neighbors(): Neighbor[];
  /** Adds an entry, or changes the one of that address. */
  setNeighbor(neighbor: Neighbor): void;
  removeNeighbor(neighbor: Neighbor): void;

  /** All qdiscs, or those of one link. */
  qdiscs(link?: number): Qdisc[];
  addQdisc(qdisc: NewQdisc): void;
  /** Removes what hangs at `parent` with all its filters, whatever its kind. */
  removeQdisc(link: number, parent: number): void;

  /** The filters with an action that hang at one parent. */
  filters(link: number, parent: number): Filter[];
  addFilter(filter: NewFilter): void;

  /** Idempotent. */
  close(): void;
}

/** Says that links of a namespace have changed. */
export interface LinkWatch {
  /** Idempotent. */
  close(): void;
  ref(): void;
  unref(): void;
}

/** The network configuration of the kernel. */
export interface Netlink {
  /** Opens a namespace (the own one unless told), without moving the process into it. */
  route(namespace?: PathOrFd): Rtnetlink;

  /**
   * Calls back after links, addresses or routes of a namespace changed: look again, for what is missed is not told. Several
   * changes may be one call. An error ends the watch.
   */
  watch(
    namespace: PathOrFd,
    events: { readonly changed: () => void; readonly error: (error: Error) => void },
  ): LinkWatch;
}
