import { execFileSync } from "node:child_process";
import { mkdtempSync, openSync, closeSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Context } from "mocha";
import { AddressFlag, Scope } from "../../../src/core/sys/netlink/address.js";
import type { Rtnetlink } from "../../../src/core/sys/netlink.js";
import { type Link, LinkFlag } from "../../../src/core/sys/netlink/link.js";
import { NeighborState } from "../../../src/core/sys/netlink/neighbor.js";
import { RouteProtocol, RouteTable } from "../../../src/core/sys/netlink/route.js";
import { TrafficHandle } from "../../../src/core/sys/netlink/traffic-control.js";
import { errnoNameOf } from "../../../src/core/sys/sys-error.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { skip } from "../../support/skip.js";
import { needsRoot } from "./fixture.js";

/** What `ip -json` and `tc -json` say, which are the judges here. */
interface Told {
  readonly ifname: string;
  readonly address: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly linkinfo: { readonly info_kind: string; readonly info_data: { readonly mode: string } };
  readonly addr_info: readonly { readonly local: string }[];
  readonly gateway: string;
  readonly dst: string;
  readonly metrics: unknown;
  readonly options: { readonly actions?: readonly unknown[]; readonly rate: number; readonly burst: number | string };
}

describe("rtnetlink", () => {
  const sys = createLinuxSys();
  let directory: string;
  let namespace: string;
  let route: Rtnetlink;

  before(function () {
    needsRoot(this);
  });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kata-ts-netlink-"));
    namespace = join(directory, "net");
    sys.namespaces.createNetworkNamespace(namespace);
    route = sys.netlink.route(namespace);
  });

  afterEach(() => {
    route.close();
    sys.namespaces.removeNetworkNamespace(namespace);
    rmSync(directory, { recursive: true });
  });

  const told = (program: string, ...args: string[]): Told[] => {
    const all = [`--net=${namespace}`, program, "-json", "-details", ...args];
    return JSON.parse(execFileSync("nsenter", all, { encoding: "utf8" }) || "[]") as Told[];
  };

  const get = (name: string): Link => {
    const link = route.link(name);
    if (link === undefined) throw new Error(`no link ${name}`);
    return link;
  };

  /** Skips the test when the kernel was built without something. */
  const unlessUnknown = (context: Context, what: string, act: () => void): void => {
    try {
      act();
    } catch (error) {
      if (!["ENOENT", "EOPNOTSUPP"].includes(errnoNameOf(error) ?? "")) throw error;
      skip(context, `this kernel has no ${what}`);
    }
  };

  const makePair = (): Link => {
    route.createLink({ name: "a", hardwareAddress: "02:00:00:00:00:0a" }, { kind: "veth", peer: { name: "b" } });
    for (const name of ["a", "b"]) route.changeLink(get(name).index, { up: true });
    return get("a");
  };

  it("finds the loopback in a namespace without moving into it", () => {
    // some kernels put tunnels into every namespace
    expect(route.links()[0]?.name).to.equal("lo");
    expect(get("lo").flags & LinkFlag.loopback).to.not.equal(0);
    expect(get("lo")).to.not.have.property("kind");
    expect(route.link("nothere")).to.equal(undefined);
    expect(route.link(4711)).to.equal(undefined);
  });

  it("makes links of the kinds there are, as ip sees them", () => {
    const { index } = makePair();
    route.createLink({ name: "br" }, { kind: "bridge" });
    route.createLink({ name: "mv", mtu: 1400 }, { kind: "macvlan", parent: index, mode: "bridge" });
    const links = told("ip", "link");
    const of = (name: string) => links.find((link) => link.ifname === name)!;
    expect(of("a").address).to.equal("02:00:00:00:00:0a");
    expect(of("a").linkinfo["info_kind"]).to.equal("veth");
    expect(of("a").flags).to.include("UP");
    expect(of("br").linkinfo["info_kind"]).to.equal("bridge");
    expect(of("mv").linkinfo).to.deep.include({ info_kind: "macvlan" });
    expect(of("mv").linkinfo["info_data"]["mode"]).to.equal("bridge");
    expect(of("mv").mtu).to.equal(1400);
    expect(get("mv")).to.deep.include({
      kind: "macvlan",
      parent: index,
      mtu: 1400,
      details: { macvlanMode: "bridge" },
    });
    expect(get("a").parent).to.equal(get("b").index);
    for (const link of links) expect(get(link.ifname).hardwareAddress).to.equal(link.address);
  });

  it("changes a link's name, size, address, bridge and namespace, and removes it", () => {
    const { index } = makePair();
    route.createLink({ name: "br" }, { kind: "bridge" });
    const master = get("br").index;
    route.changeLink(index, { up: false });
    route.changeLink(index, { name: "c", mtu: 1300, hardwareAddress: "02:00:00:00:00:0c", master, arp: false });
    const [link] = told("ip", "link", "show", "c");
    expect(link).to.deep.include({ mtu: 1300, address: "02:00:00:00:00:0c", master: "br" });
    expect(link!.flags).to.include("NOARP").and.not.include("UP");
    expect(get("c")).to.deep.include({ master, mtu: 1300 });
    const fd = openSync("/proc/self/ns/net", "r");
    try {
      route.changeLink(get("c").index, { name: "ktsmoved", namespace: fd });
    } finally {
      closeSync(fd);
    }
    expect(route.link("c")).to.equal(undefined);
    expect(get("b").parentElsewhere).to.equal(true);
    route.removeLink(get("b").index);
    expect(route.link("b")).to.equal(undefined);
  });

  it("adds and removes addresses of both families", () => {
    const { index: link } = makePair();
    route.addAddress({ link, family: "ipv4", address: "10.1.2.3", prefix: 24, broadcast: "10.1.2.255" });
    route.addAddress({ link, family: "ipv4", address: "10.9.0.1", prefix: 32, peer: "10.9.0.2", scope: Scope.link });
    route.addAddress({ link, family: "ipv6", address: "fd00::5", prefix: 64, flags: AddressFlag.noDuplicateCheck });
    const [shown] = told("ip", "address", "show", "a");
    const info = shown!.addr_info;
    expect(info.find((one) => one.local === "10.1.2.3")).to.deep.include({ prefixlen: 24, broadcast: "10.1.2.255" });
    expect(info.find((one) => one.local === "10.9.0.1")).to.deep.include({ address: "10.9.0.2", scope: "link" });
    expect(info.find((one) => one.local === "fd00::5")).to.deep.include({ prefixlen: 64, nodad: true });
    const own = route.addresses(link);
    expect(own.map(({ address }) => address)).to.have.members(info.map((one) => one.local));
    expect(own.find(({ address }) => address === "10.9.0.1")).to.deep.include({ peer: "10.9.0.2", prefix: 32 });
    for (const address of own) route.removeAddress(address);
    expect(route.addresses(link)).to.deep.equal([]);
  });

  it("adds and removes routes, one through a gateway that is only on the link", () => {
    const { index: link } = makePair();
    route.addAddress({ link, family: "ipv4", address: "10.1.2.3", prefix: 24 });
    route.addAddress({ link, family: "ipv6", address: "fd00::5", prefix: 64, flags: AddressFlag.noDuplicateCheck });
    const far = { address: "192.168.0.0", prefix: 16 };
    route.addRoute({ family: "ipv4", link, gateway: "10.1.2.1", priority: 7, mtu: 1280 });
    route.addRoute({
      family: "ipv4",
      link,
      gateway: "169.254.1.1",
      onLink: true,
      destination: far,
      source: "10.1.2.3",
    });
    route.addRoute({
      family: "ipv4",
      link,
      destination: { address: "10.7.0.0", prefix: 24 },
      protocol: RouteProtocol.static,
    });
    route.addRoute({ family: "ipv6", link, gateway: "fd00::1" });
    const four = told("ip", "-4", "route");
    const via = (gateway: string) => four.find((one) => one.gateway === gateway);
    expect(via("10.1.2.1")).to.deep.include({ dst: "default", metric: 7 });
    expect(via("10.1.2.1")!.metrics).to.deep.equal([{ mtu: 1280 }]);
    expect(via("169.254.1.1")).to.deep.include({ dst: "192.168.0.0/16", prefsrc: "10.1.2.3" });
    expect(via("169.254.1.1")!.flags).to.include("onlink");
    expect(four.find((one) => one.dst === "10.7.0.0/24")).to.deep.include({ scope: "link", protocol: "static" });
    expect(told("ip", "-6", "route").find((one) => one.dst === "default")).to.deep.include({ gateway: "fd00::1" });
    const main = route.routes().filter(({ table }) => table === RouteTable.main);
    expect(main.filter(({ family }) => family === "ipv4")).to.have.length(four.length);
    const onLink = main.find(({ hops }) => hops[0]?.gateway === "169.254.1.1");
    expect(onLink).to.deep.include({
      destination: far,
      source: "10.1.2.3",
      hops: [{ link, gateway: "169.254.1.1", flags: 4 }],
    });
    expect(main.find(({ priority }) => priority === 7))
      .to.include({ mtu: 1280 })
      .and.not.have.property("destination");
    route.removeRoute({ family: "ipv4", link, destination: far });
    expect(told("ip", "-4", "route").find((one) => one.gateway === "169.254.1.1")).to.equal(undefined);
  });

  it("reads every way of a route that is spread", () => {
    const { index: link } = makePair();
    route.addAddress({ link, family: "ipv4", address: "10.1.2.3", prefix: 24 });
    const hops = ["nexthop", "via", "10.1.2.1", "dev", "a", "nexthop", "via", "10.1.2.2", "dev", "a"];
    told("ip", "route", "add", "10.8.0.0/16", ...hops);
    const spread = route.routes().find(({ destination }) => destination?.address === "10.8.0.0");
    expect(spread?.hops.map(({ gateway }) => gateway)).to.deep.equal(["10.1.2.1", "10.1.2.2"]);
  });

  it("sets and removes neighbours", () => {
    const { index: link } = makePair();
    const neighbor = { link, hardwareAddress: "02:00:00:00:00:99", state: NeighborState.permanent, flags: 0 };
    route.setNeighbor({ ...neighbor, family: "ipv4", address: "10.1.2.1" });
    route.setNeighbor({ ...neighbor, family: "ipv6", address: "fd00::1" });
    route.setNeighbor({ ...neighbor, family: "ipv4", address: "10.1.2.1", hardwareAddress: "02:00:00:00:00:98" });
    const shown = told("ip", "neighbour", "show", "nud", "permanent");
    expect(shown.find((one) => one.dst === "10.1.2.1")).to.deep.include({ lladdr: "02:00:00:00:00:98" });
    const own = route.neighbors().filter(({ state }) => state === NeighborState.permanent);
    expect(own.map(({ address }) => address)).to.have.members(["10.1.2.1", "fd00::1"]);
    for (const one of own) route.removeNeighbor(one);
    expect(told("ip", "neighbour", "show", "nud", "permanent")).to.deep.equal([]);
  });

  it("redirects all frames by a filter, and removes the qdisc it hangs on", () => {
    const { index: link } = makePair();
    const to = get("b").index;
    const parent = TrafficHandle.ingressQdisc;
    route.addQdisc({ link, kind: "ingress" });
    route.addFilter({ link, parent, kind: "u32", mirred: { mode: "redirect", direction: "egress", link: to } });
    const [filter] = told("tc", "filter", "show", "dev", "a", "ingress").filter((one) => one.options?.actions);
    expect(filter).to.deep.include({ protocol: "all", kind: "u32" });
    expect(filter!.options.actions?.[0]).to.deep.include({
      kind: "mirred",
      mirred_action: "redirect",
      direction: "egress",
      to_dev: "b",
    });
    expect(route.filters(link, parent)).to.have.length(1);
    expect(route.filters(link, parent)[0]).to.deep.include({
      kind: "u32",
      protocol: 3,
      mirred: { mode: "redirect", direction: "egress", link: to },
    });
    route.removeQdisc(link, TrafficHandle.ingress);
    expect(route.qdiscs(link).filter(({ kind }) => kind === "ingress")).to.deep.equal([]);
  });

  it("redirects what comes in and what goes out by one qdisc (clsact)", () => {
    const { index: link } = makePair();
    const to = get("b").index;
    route.addQdisc({ link, kind: "clsact" });
    const { clsactIngress, clsactEgress } = TrafficHandle;
    const ingress = { mode: "mirror", direction: "ingress", link: to } as const;
    const egress = { mode: "redirect", direction: "egress", link: to } as const;
    route.addFilter({ link, parent: clsactIngress, kind: "u32", priority: 7, mirred: ingress });
    route.addFilter({ link, parent: clsactEgress, kind: "u32", mirred: egress });
    const actions = (place: string) =>
      told("tc", "filter", "show", "dev", "a", place).flatMap(({ options }) => options?.actions ?? []);
    expect(actions("ingress")[0]).to.deep.include({ mirred_action: "mirror", direction: "ingress", to_dev: "b" });
    expect(actions("egress")[0]).to.deep.include({ mirred_action: "redirect", direction: "egress", to_dev: "b" });
    expect(route.filters(link, clsactIngress)[0]).to.deep.include({ priority: 7, mirred: ingress });
    expect(route.filters(link, clsactEgress)[0]?.mirred).to.deep.equal(egress);
    expect(route.qdiscs(link).map(({ kind }) => kind)).to.include("clsact");
    route.removeQdisc(link, TrafficHandle.ingress);
    expect(route.qdiscs(link).map(({ kind }) => kind)).to.not.include("clsact");
  });

  it("redirects all frames by matchall", function () {
    const { index: link } = makePair();
    const to = get("b").index;
    const parent = TrafficHandle.ingressQdisc;
    const mirred = { mode: "redirect", direction: "egress", link: to } as const;
    route.addQdisc({ link, kind: "ingress" });
    unlessUnknown(this, "filters of the kind matchall", () =>
      route.addFilter({ link, parent, kind: "matchall", priority: 3, mirred }),
    );
    const [filter] = told("tc", "filter", "show", "dev", "a", "ingress").filter((one) => one.options?.actions);
    expect(filter).to.deep.include({ protocol: "all", kind: "matchall", pref: 3 });
    expect(filter!.options.actions?.[0]).to.deep.include({ mirred_action: "redirect", to_dev: "b" });
    expect(route.filters(link, parent)).to.have.length(1);
    expect(route.filters(link, parent)[0]).to.deep.include({ kind: "matchall", priority: 3, protocol: 3, mirred });
  });

  it("makes VLANs, with their tag", function () {
    const { index: parent } = makePair();
    unlessUnknown(this, "links of the kind vlan", () =>
      route.createLink({ name: "v" }, { kind: "vlan", parent, id: 4094 }),
    );
    const [shown] = told("ip", "link", "show", "v");
    expect(shown!.linkinfo).to.deep.include({ info_kind: "vlan" });
    expect(shown!.linkinfo["info_data"]).to.deep.include({ protocol: "802.1Q", id: 4094 });
    expect(get("v")).to.deep.include({ kind: "vlan", parent, details: { vlanId: 4094 } });
    expect(get("v").hardwareAddress).to.equal(get("a").hardwareAddress);
    const outside = () => route.createLink({ name: "w" }, { kind: "vlan", parent, id: 4096 });
    expect(outside).to.throw(/rtnetlink\("new vlan w"\): (ERANGE|EINVAL)/);
  });

  for (const mode of ["l2", "l3", "l3s"] as const) {
    it(`makes ipvlans of the mode ${mode}`, function () {
      const { index: parent } = makePair();
      unlessUnknown(this, "links of the kind ipvlan in this mode", () =>
        route.createLink({ name: "i" }, { kind: "ipvlan", parent, mode }),
      );
      const [shown] = told("ip", "link", "show", "i");
      expect(shown!.linkinfo).to.deep.include({ info_kind: "ipvlan" });
      expect(shown!.linkinfo["info_data"]["mode"]).to.equal(mode);
      expect(get("i")).to.deep.include({ kind: "ipvlan", parent, details: { ipvlanMode: mode } });
    });
  }

  it("limits a link by a token bucket, as tc reads it", () => {
    const { index: link } = makePair();
    const tokenBucket = { rate: 1_250_000, burst: 32_768, limit: 100_000 };
    route.addQdisc({ link, kind: "tbf", tokenBucket });
    const [root] = told("tc", "qdisc", "show", "dev", "a", "root");
    expect(root).to.deep.include({ kind: "tbf" });
    expect(root!.options["rate"]).to.equal(tokenBucket.rate);
    expect(String(root!.options["burst"])).to.match(/^(32Kb\/1|327\d\d)$/);
    expect(route.qdiscs(link)[0]?.tokenBucket?.rate).to.equal(tokenBucket.rate);
    expect(route.qdiscs(link)[0]?.tokenBucket?.burst).to.be.closeTo(tokenBucket.burst, 64);
  });

  it("tells why the kernel refuses, in its own words", () => {
    const { index: link } = makePair();
    route.addQdisc({ link, kind: "ingress" });
    const again = () => route.addQdisc({ link, kind: "ingress" });
    expect(again).to.throw(/rtnetlink\("new qdisc ingress on link \d+"\): EEXIST \(file exists\): Exclusivity flag on/);
    const gateway = () => route.addRoute({ family: "ipv4", link, gateway: "10.5.5.5" });
    expect(gateway).to.throw(/ENETUNREACH.*Nexthop has invalid gateway/);
    expect(() => route.removeLink(4711)).to.throw(/ENODEV/);
    try {
      again();
    } catch (error) {
      expect(errnoNameOf(error)).to.equal("EEXIST");
    }
  });

  it("refuses what the kernel would misunderstand", () => {
    const { index: link } = makePair();
    const bad = [
      () => route.createLink({ name: "longer-than-fifteen" }, { kind: "bridge" }),
      () => route.createLink({ name: "a/b" }, { kind: "bridge" }),
      () => route.createLink({ name: "x", hardwareAddress: "02:00:00:00:00" }, { kind: "bridge" }),
      () => route.addAddress({ link, family: "ipv4", address: "10.0.0.256", prefix: 8 }),
      () => route.addAddress({ link, family: "ipv4", address: "10.0.0.1", prefix: 33 }),
      () => route.addAddress({ link, family: "ipv6", address: "10.0.0.1", prefix: 33 }),
    ];
    for (const one of bad) expect(one).to.throw().with.property("code", "KATA_NETLINK_VALUE");
  });

  it("reads a thousand links and their addresses whole", () => {
    const { index: parent } = makePair();
    const before = route.links().length;
    for (let count = 0; count < 1000; count++) {
      route.createLink({ name: `m${count}` }, { kind: "macvlan", parent, mode: "bridge" });
    }
    const names = route.links().map(({ name }) => name);
    expect(names).to.have.length(before + 1000);
    expect(new Set(names).size).to.equal(before + 1000);
    for (let count = 0; count < 1000; count++) expect(names).to.include(`m${count}`);
  });

  it("says that something changed", async () => {
    let changes = 0;
    let wake: () => void = () => undefined;
    const changed = new Promise<void>((resolve) => (wake = resolve));
    const watch = sys.netlink.watch(namespace, {
      changed: () => {
        changes++;
        if (route.link("b") !== undefined) wake();
      },
      error: (error) => {
        throw error;
      },
    });
    try {
      makePair();
      await changed;
      expect(changes).to.be.greaterThan(0);
    } finally {
      watch.close();
    }
  });
});
