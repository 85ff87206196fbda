import { randomUUID } from "node:crypto";
import { fstatSync, openSync, readlinkSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf } from "../../core/errors/error.js";
import { errnoNumber } from "../../core/sys/errno.js";
import type { LinkWatch, Netlink, Rtnetlink } from "../../core/sys/netlink.js";
import type { LinkAddress, NewAddress } from "../../core/sys/netlink/address.js";
import { type Link, type LinkChange, LinkFlag, type LinkSpec, type NewLink } from "../../core/sys/netlink/link.js";
import type { Neighbor } from "../../core/sys/netlink/neighbor.js";
import { type NewRoute, type Route, RouteProtocol, RouteTable, RouteType } from "../../core/sys/netlink/route.js";
import {
  type Filter,
  type NewFilter,
  type NewQdisc,
  type Qdisc,
  TrafficHandle,
} from "../../core/sys/netlink/traffic-control.js";
import type { PathOrFd } from "../../core/sys/path-or-fd.js";
import { SysError } from "../../core/sys/sys-error.js";
import type { MacvtapRequest, TapRequest, Taps } from "../../core/sys/taps.js";

const refuse = (call: string, what: string | number, errno: string): SysError =>
  new SysError(`fake ${call}`, [what], errnoNumber(errno) ?? 0, errno);

const ethernet = 1;
const ordinaryMtu = 1500;

/** What one network namespace has. Change it to arrange a case. */
export class FakeNamespace {
  readonly links: Link[] = [];
  readonly addresses: LinkAddress[] = [];
  readonly routes: Route[] = [];
  readonly neighbors: Neighbor[] = [];
  readonly qdiscs: Qdisc[] = [];
  readonly filters: Filter[] = [];
  readonly watchers = new Set<() => void>();
  #index = 0;

  constructor() {
    this.add({ name: "lo" }, "", { flags: LinkFlag.loopback, hardwareType: 772 });
  }

  /** Adds a link of a kind; answers what it is now. */
  add(link: NewLink, kind: string, more: Partial<Link> = {}): Link {
    if (this.links.some(({ name }) => name === link.name)) throw refuse("rtnetlink", link.name, "EEXIST");
    const index = ++this.#index;
    const added: Link = {
      index,
      name: link.name,
      ...(kind !== "" && { kind }),
      hardwareType: ethernet,
      flags: LinkFlag.broadcast | LinkFlag.multicast,
      mtu: link.mtu ?? ordinaryMtu,
      hardwareAddress: link.hardwareAddress ?? `02:00:00:00:00:${index.toString(16).padStart(2, "0")}`,
      parentElsewhere: false,
      transmitQueues: link.transmitQueues ?? 1,
      details: {},
      ...more,
    };
    this.links.push(added);
    this.changed();
    return added;
  }

  remove(index: number): void {
    const without = <T>(list: T[], isOf: (one: T) => boolean): void => {
      for (let at = list.length - 1; at >= 0; at--) if (isOf(list[at] as T)) list.splice(at, 1);
    };
    without(this.links, (link) => link.index === index);
    for (const list of [this.addresses, this.neighbors, this.qdiscs, this.filters] as { link: number }[][]) {
      without(list, ({ link }) => link === index);
    }
    without(this.routes, ({ hops }) => hops.some(({ link }) => link === index));
    this.changed();
  }

  changed(): void {
    for (const watcher of this.watchers) setImmediate(watcher);
  }
}

/** One namespace as rtnetlink shows it. What the kernel does by itself, routes of a new address say, is not done. */
class FakeRtnetlink implements Rtnetlink {
  readonly #there: FakeNamespace;
  readonly #namespace: (of: PathOrFd) => FakeNamespace;

  constructor(there: FakeNamespace, namespace: (of: PathOrFd) => FakeNamespace) {
    this.#there = there;
    this.#namespace = namespace;
  }

  links(): Link[] {
    return [...this.#there.links];
  }

  link(which: number | string): Link | undefined {
    return this.#there.links.find(({ index, name }) => (typeof which === "number" ? index : name) === which);
  }

  createLink(link: NewLink, spec: LinkSpec): void {
    const { kind } = spec;
    const details = {
      ...((kind === "macvlan" || kind === "macvtap") && { macvlanMode: spec.mode }),
      ...(kind === "ipvlan" && { ipvlanMode: spec.mode }),
      ...(kind === "vlan" && { vlanId: spec.id }),
    };
    const made = this.#there.add(link, kind, { details, ...("parent" in spec && { parent: spec.parent }) });
    if (kind === "veth") this.#there.add(spec.peer, kind, { parent: made.index });
  }

  changeLink(index: number, change: LinkChange): void {
    const at = this.#there.links.findIndex((link) => link.index === index);
    const link = this.#there.links[at];
    if (link === undefined) throw refuse("rtnetlink", index, "ENODEV");
    const { up, arp: _arp, namespace, ...rest } = change;
    const flags = up === undefined ? link.flags : up ? link.flags | LinkFlag.up : link.flags & ~LinkFlag.up;
    const changed = { ...link, ...rest, flags };
    if (namespace === undefined) {
      this.#there.links[at] = changed;
      this.#there.changed();
      return;
    }
    const { name, hardwareAddress, mtu, transmitQueues, index: _index, kind = "", ...more } = changed;
    this.#namespace(namespace).add({ name, hardwareAddress, mtu, transmitQueues }, kind, more);
    this.#there.remove(index);
  }

  removeLink(index: number): void {
    if (this.link(index) === undefined) throw refuse("rtnetlink", index, "ENODEV");
    this.#there.remove(index);
  }

  addresses(link?: number): LinkAddress[] {
    return this.#there.addresses.filter((one) => link === undefined || one.link === link);
  }

  addAddress(address: NewAddress): void {
    this.#there.addresses.push({ scope: 0, flags: 0, ...address });
    this.#there.changed();
  }

  removeAddress(address: NewAddress): void {
    const { addresses } = this.#there;
    const at = addresses.findIndex((one) => one.link === address.link && one.address === address.address);
    if (at < 0) throw refuse("rtnetlink", address.address, "EADDRNOTAVAIL");
    addresses.splice(at, 1);
    this.#there.changed();
  }

  routes(table?: number): Route[] {
    return this.#there.routes.filter((one) => table === undefined || one.table === table);
  }

  addRoute({ link, gateway, onLink, ...route }: NewRoute): void {
    const hop = { link, ...(gateway !== undefined && { gateway }), flags: onLink === true ? 4 : 0 };
    this.#there.routes.push({
      priority: 0,
      table: RouteTable.main,
      protocol: RouteProtocol.static,
      scope: gateway === undefined ? 253 : 0,
      type: RouteType.unicast,
      ...route,
      hops: [hop],
    });
  }

  removeRoute(route: NewRoute): void {
    const { routes } = this.#there;
    const at = routes.findIndex(
      ({ destination, hops }) =>
        destination?.address === route.destination?.address && hops.some(({ link }) => link === route.link),
    );
    if (at < 0) throw refuse("rtnetlink", route.destination?.address ?? "default", "ESRCH");
    routes.splice(at, 1);
  }

  neighbors(): Neighbor[] {
    return [...this.#there.neighbors];
  }

  setNeighbor(neighbor: Neighbor): void {
    this.#there.neighbors.push(neighbor);
  }

  removeNeighbor(neighbor: Neighbor): void {
    const { neighbors } = this.#there;
    const at = neighbors.findIndex(({ link, address }) => link === neighbor.link && address === neighbor.address);
    if (at >= 0) neighbors.splice(at, 1);
  }

  qdiscs(link?: number): Qdisc[] {
    return this.#there.qdiscs.filter((one) => link === undefined || one.link === link);
  }

  addQdisc(qdisc: NewQdisc): void {
    const parent = qdisc.kind === "tbf" ? TrafficHandle.root : TrafficHandle.ingress;
    const { qdiscs } = this.#there;
    if (this.link(qdisc.link) === undefined) throw refuse("rtnetlink", qdisc.link, "ENODEV");
    if (qdiscs.some((one) => one.link === qdisc.link && one.parent === parent)) {
      throw refuse("rtnetlink", qdisc.kind, "EEXIST");
    }
    qdiscs.push({ ...qdisc, handle: TrafficHandle.ingressQdisc, parent });
  }

  removeQdisc(link: number, parent: number): void {
    const { qdiscs, filters } = this.#there;
    const at = qdiscs.findIndex((one) => one.link === link && one.parent === parent);
    if (at < 0) throw refuse("rtnetlink", link, "ENOENT");
    qdiscs.splice(at, 1);
    for (let f = filters.length - 1; f >= 0; f--) if (filters[f]?.link === link) filters.splice(f, 1);
  }

  filters(link: number, parent: number): Filter[] {
    return this.#there.filters.filter((one) => one.link === link && one.parent === parent);
  }

  addFilter({ priority = 1, ...filter }: NewFilter): void {
    if (!this.#there.qdiscs.some(({ link }) => link === filter.link)) throw refuse("rtnetlink", filter.link, "EINVAL");
    this.#there.filters.push({ ...filter, priority, handle: 1, protocol: 3 });
  }

  close(): void {
    // nothing is open
  }
}

/** Network namespaces in memory, by their paths; the own one is "". Taps are links that go with their descriptors. */
export class FakeNetwork implements Netlink, Pick<Taps, "open" | "openMacvtap"> {
  readonly #namespaces = new Map<string, FakeNamespace>();
  readonly #taps = new Set<{ namespace: FakeNamespace; link: number; files: readonly OpenFile[] }>();

  /** A namespace, made when it is not there. */
  namespace(path: PathOrFd = ""): FakeNamespace {
    this.#reap();
    const name = typeof path === "number" ? nameOf(path) : path;
    const there = this.#namespaces.get(name) ?? new FakeNamespace();
    this.#namespaces.set(name, there);
    return there;
  }

  route(namespace?: PathOrFd): Rtnetlink {
    return new FakeRtnetlink(this.namespace(namespace), (of) => this.namespace(of));
  }

  watch(
    namespace: PathOrFd,
    { changed }: { readonly changed: () => void; readonly error: (error: Error) => void },
  ): LinkWatch {
    const { watchers } = this.namespace(namespace);
    watchers.add(changed);
    return { close: () => void watchers.delete(changed), ref: () => undefined, unref: () => undefined };
  }

  open({ name, namespace, queuePairs, exclusive, multiQueue }: TapRequest): number[] {
    const there = this.namespace(namespace);
    const found = there.links.find((link) => link.name === name);
    if (found !== undefined && exclusive) throw refuse("TUNSETIFF", name, "EBUSY");
    const tun = { type: "tap", persistent: false, multiQueue: multiQueue ?? queuePairs > 1 } as const;
    const link = found ?? there.add({ name }, "tun", { details: { tun } });
    const files = openFiles(queuePairs);
    // One that was there before stays.
    if (found === undefined) this.#taps.add({ namespace: there, link: link.index, files });
    return files.map(({ fd }) => fd);
  }

  openMacvtap({ name, namespace, queuePairs }: MacvtapRequest): number[] {
    const found = this.namespace(namespace).links.find((link) => link.name === name && link.kind === "macvtap");
    if (found === undefined) throw refuse("open macvtap", name, "ENOENT");
    return openFiles(queuePairs).map(({ fd }) => fd);
  }

  /** Removes the link of a PCI device, wherever it is; undefined when there is none. */
  takeLinkOf(address: string): Link | undefined {
    for (const namespace of this.#namespaces.values()) {
      const link = namespace.links.find(({ device }) => device?.bus === "pci" && device.name === address);
      if (link === undefined) continue;
      namespace.remove(link.index);
      return link;
    }
    return undefined;
  }

  /** Removes taps whose descriptors have all been closed, by whatever way. */
  #reap(): void {
    for (const tap of this.#taps) {
      if (tap.files.some(isOpen)) continue;
      this.#taps.delete(tap);
      tap.namespace.remove(tap.link);
    }
  }

  /** Everything there is, a line for each thing. */
  describe(): string[] {
    this.#reap();
    return [...this.#namespaces].flatMap(([path, { links, qdiscs, filters, addresses, routes }]) =>
      [
        ...links.map(({ name, kind }) => `link ${name}${kind === undefined ? "" : ` of ${kind}`}`),
        ...qdiscs.map(({ link, kind }) => `qdisc ${kind} of link ${link}`),
        ...filters.map(({ link, kind }, at) => `filter ${at} ${kind} of link ${link}`),
        ...addresses.map(({ link, address }) => `address ${address} of link ${link}`),
        ...routes.map(({ destination }) => `route to ${destination?.address ?? "all"}`),
      ].map((line) => `${line} in ${path === "" ? "the own namespace" : path} (pretended)`),
    );
  }
}

/** The path of a namespace that is open; its number for one that is not. */
function nameOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return String(fd);
    throw error;
  }
}

/** A file of nobody else's, by which a descriptor is known again. */
interface OpenFile {
  readonly fd: number;
  readonly inode: bigint;
}

/** Descriptors that can be duplicated and closed as those of a tap. */
function openFiles(count: number): OpenFile[] {
  return Array.from({ length: count }, () => {
    const path = join(tmpdir(), `kata-ts-tap-${randomUUID()}`);
    const fd = openSync(path, "wx+", 0o600);
    unlinkSync(path);
    return { fd, inode: fstatSync(fd, { bigint: true }).ino };
  });
}

function isOpen({ fd, inode }: OpenFile): boolean {
  try {
    return fstatSync(fd, { bigint: true }).ino === inode;
  } catch (error) {
    if (codeOf(error) === "EBADF") return false;
    throw error;
  }
}
