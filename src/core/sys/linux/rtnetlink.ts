import { errnoNameOf } from "../sys-error.js";
import type { Namespaces } from "../namespaces.js";
import type { LinkWatch, Netlink, Rtnetlink } from "../netlink.js";
import type { LinkAddress, NewAddress } from "../netlink/address.js";
import { encodeAddress, encodeAddressQuery, parseAddress } from "../netlink/address-codec.js";
import type { Link, LinkChange, LinkSpec, NewLink } from "../netlink/link.js";
import {
  encodeLinkChange,
  encodeLinkQuery,
  encodeLinkRemoval,
  encodeNewLink,
  parseLink,
} from "../netlink/link-codec.js";
import { MessageFlag, type NetlinkMessage } from "../netlink/message.js";
import type { Neighbor } from "../netlink/neighbor.js";
import { encodeNeighbor, encodeNeighborQuery, parseNeighbor } from "../netlink/neighbor-codec.js";
import type { NewRoute, Route } from "../netlink/route.js";
import { encodeNewRoute, encodeRouteQuery, encodeRouteRemoval, parseRoute } from "../netlink/route-codec.js";
import type { Filter, NewFilter, NewQdisc, Qdisc } from "../netlink/traffic-control.js";
import {
  encodeNewFilter,
  encodeNewQdisc,
  encodeQdiscRemoval,
  encodeTrafficQuery,
  parseFilter,
  parseQdisc,
} from "../netlink/traffic-control-codec.js";
import type { PathOrFd } from "../path-or-fd.js";
import type { Sockets } from "../sockets.js";
import type { Libc } from "./libc.js";
import { LinuxLinkWatch } from "./link-watch.js";
import { NetlinkSocket, openNetlink } from "./netlink-socket.js";

/** `RTM_*`, linux/rtnetlink.h. */
const messageType = {
  newLink: 16,
  removeLink: 17,
  getLink: 18,
  newAddress: 20,
  removeAddress: 21,
  getAddress: 22,
  newRoute: 24,
  removeRoute: 25,
  getRoute: 26,
  newNeighbor: 28,
  removeNeighbor: 29,
  getNeighbor: 30,
  newQdisc: 36,
  removeQdisc: 37,
  getQdisc: 38,
  newFilter: 44,
  getFilter: 46,
} as const;

const createOnly = MessageFlag.create | MessageFlag.exclusive;
const createOrReplace = MessageFlag.create | MessageFlag.replace;

/** `Netlink` by AF_NETLINK sockets. */
export class LinuxNetlink implements Netlink {
  readonly #libc: Libc;
  readonly #sockets: Sockets;
  readonly #namespaces: Namespaces;

  constructor(libc: Libc, sockets: Sockets, namespaces: Namespaces) {
    this.#libc = libc;
    this.#sockets = sockets;
    this.#namespaces = namespaces;
  }

  route(namespace?: PathOrFd): Rtnetlink {
    const fd = openNetlink(this.#sockets, this.#namespaces, namespace);
    return new LinuxRtnetlink(new NetlinkSocket(this.#sockets, fd));
  }

  watch(namespace: PathOrFd, events: { changed: () => void; error: (error: Error) => void }): LinkWatch {
    return new LinuxLinkWatch(this.#libc, this.#sockets, this.#namespaces, namespace, events);
  }
}

class LinuxRtnetlink implements Rtnetlink {
  readonly #socket: NetlinkSocket;

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  close(): void {
    this.#socket.close();
  }

  links(): Link[] {
    return this.#list("links", messageType.getLink, messageType.newLink, encodeLinkQuery(), parseLink);
  }

  link(which: number | string): Link | undefined {
    try {
      const answers = this.#socket.request(`link ${which}`, messageType.getLink, 0, encodeLinkQuery(which));
      return answers.filter(({ type }) => type === messageType.newLink).map(({ payload }) => parseLink(payload))[0];
    } catch (error) {
      if (errnoNameOf(error) === "ENODEV") return undefined;
      throw error;
    }
  }

  createLink(link: NewLink, spec: LinkSpec): void {
    this.#do(`new ${spec.kind} ${link.name}`, messageType.newLink, createOnly, encodeNewLink(link, spec));
  }

  changeLink(index: number, change: LinkChange): void {
    const what = Object.entries(change).map(([key, value]) => `${key} ${value}`);
    this.#do(`link ${index}: ${what.join(", ")}`, messageType.newLink, 0, encodeLinkChange(index, change));
  }

  removeLink(index: number): void {
    this.#do(`remove link ${index}`, messageType.removeLink, 0, encodeLinkRemoval(index));
  }

  addresses(link?: number): LinkAddress[] {
    const query = encodeAddressQuery(link);
    return this.#list("addresses", messageType.getAddress, messageType.newAddress, query, parseAddress);
  }

  addAddress(address: NewAddress): void {
    const what = `new address ${address.address}/${address.prefix} of link ${address.link}`;
    this.#do(what, messageType.newAddress, createOnly, encodeAddress(address));
  }

  removeAddress(address: NewAddress): void {
    const what = `remove address ${address.address}/${address.prefix} of link ${address.link}`;
    this.#do(what, messageType.removeAddress, 0, encodeAddress(address));
  }

  routes(table?: number): Route[] {
    const query = encodeRouteQuery(table);
    const all = this.#list("routes", messageType.getRoute, messageType.newRoute, query, parseRoute);
    // Kernels before 4.20 tell of all tables, whichever is asked for.
    return table === undefined ? all : all.filter((route) => route.table === table);
  }

  addRoute(route: NewRoute): void {
    this.#do(`new ${describeRoute(route)}`, messageType.newRoute, createOnly, encodeNewRoute(route));
  }

  removeRoute(route: NewRoute): void {
    this.#do(`remove ${describeRoute(route)}`, messageType.removeRoute, 0, encodeRouteRemoval(route));
  }

  neighbors(): Neighbor[] {
    const query = encodeNeighborQuery();
    return this.#list("neighbours", messageType.getNeighbor, messageType.newNeighbor, query, parseNeighbor);
  }

  setNeighbor(neighbor: Neighbor): void {
    const what = `neighbour ${neighbor.address} of link ${neighbor.link}`;
    this.#do(what, messageType.newNeighbor, createOrReplace, encodeNeighbor(neighbor));
  }

  removeNeighbor(neighbor: Neighbor): void {
    const what = `remove neighbour ${neighbor.address} of link ${neighbor.link}`;
    this.#do(what, messageType.removeNeighbor, 0, encodeNeighbor(neighbor));
  }

  qdiscs(link?: number): Qdisc[] {
    const all = this.#list("qdiscs", messageType.getQdisc, messageType.newQdisc, encodeTrafficQuery(), parseQdisc);
    return link === undefined ? all : all.filter((qdisc) => qdisc.link === link);
  }

  addQdisc(qdisc: NewQdisc): void {
    const what = `new qdisc ${qdisc.kind} on link ${qdisc.link}`;
    this.#do(what, messageType.newQdisc, createOnly, encodeNewQdisc(qdisc));
  }

  removeQdisc(link: number, parent: number): void {
    const what = `remove the qdisc at ${parent.toString(16)} of link ${link}`;
    this.#do(what, messageType.removeQdisc, 0, encodeQdiscRemoval(link, parent));
  }

  filters(link: number, parent: number): Filter[] {
    const query = encodeTrafficQuery(link, parent);
    return this.#list(`filters of link ${link}`, messageType.getFilter, messageType.newFilter, query, parseFilter);
  }

  addFilter(filter: NewFilter): void {
    const what = `new filter ${filter.kind} on link ${filter.link}`;
    this.#do(what, messageType.newFilter, createOnly, encodeNewFilter(filter));
  }

  #do(what: string, type: number, flags: number, payload: Uint8Array): void {
    this.#socket.request(what, type, flags, payload);
  }

  #list<T>(
    what: string,
    type: number,
    answer: number,
    query: Uint8Array,
    parse: (payload: Buffer) => T | undefined,
  ): T[] {
    const found = (message: NetlinkMessage): T[] => {
      if (message.type !== answer) return [];
      const one = parse(message.payload);
      return one === undefined ? [] : [one];
    };
    return this.#socket.dump(what, type, query).flatMap(found);
  }
}

function describeRoute({ family, destination, gateway, link }: NewRoute): string {
  const to = destination === undefined ? `the default of ${family}` : `${destination.address}/${destination.prefix}`;
  return `route to ${to}${gateway === undefined ? "" : ` via ${gateway}`} by link ${link}`;
}
