import { expect } from "chai";
import { listInterfaces, updateInterface } from "../../../../guest/agent/network/interfaces.js";
import { addNeighbors } from "../../../../guest/agent/network/neighbors.js";
import { listRoutes, updateRoutes } from "../../../../guest/agent/network/routes.js";
import { codeOf, describeError } from "../../../../src/core/errors/error.js";
import { ARPNeighbor, Interface, IPFamily, Route } from "../../../../src/core/proto/gen/kata/types.js";
import { LinkFlag } from "../../../../src/core/sys/netlink/link.js";
import { needsRoot } from "../../sys/fixture.js";
import { GuestNamespace } from "./guest-namespace.js";

type Partly<T extends { fromPartial: (object: never) => unknown }> = Parameters<T["fromPartial"]>[0];

describe("the network of a guest", () => {
  let guest: GuestNamespace;

  before(function () {
    needsRoot(this);
  });

  beforeEach(() => {
    guest = new GuestNamespace();
  });

  afterEach(() => guest.close());

  const v4 = (text: string) => addressOf(IPFamily.v4, text);
  const v6 = (text: string) => addressOf(IPFamily.v6, text);
  const addressOf = (family: IPFamily, text: string) => {
    const [address = "", mask = ""] = text.split("/");
    return { family, address, mask };
  };

  const update = (wanted: Partly<typeof Interface>, hotplugTime?: number): Promise<Interface> =>
    updateInterface(guest.tools(hotplugTime), Interface.fromPartial(wanted));

  const route = (...wanted: Partly<typeof Route>[]): Route[] =>
    updateRoutes(
      guest.sys,
      wanted.map((one) => Route.fromPartial(one)),
    );

  const neighbor = (wanted: Partly<typeof ARPNeighbor>): void =>
    addNeighbors(guest.sys, [ARPNeighbor.fromPartial(wanted)]);

  /** Code and words of what a request is refused with. */
  async function refusal(act: () => unknown): Promise<string> {
    try {
      await act();
    } catch (error) {
      return `${codeOf(error)} ${describeError(error)}`;
    }
    throw new Error("it was not refused");
  }

  describe("has a card", () => {
    it("made what the host wants it to be", async () => {
      const devicePath = guest.plug("02", "card0");
      const IPAddresses = [v4("10.1.0.2/24"), v4("10.2.0.2"), v6("fd01::2/64"), v6("FD02:0::0002/120")];
      const made = await update({ name: "eth0", devicePath, mtu: 1400n, IPAddresses });
      const [told] = guest.ip("link", "show", "eth0");
      expect(told).to.deep.include({ mtu: 1400 });
      expect(told?.flags).to.include("UP").and.not.include("NOARP");
      expect(guest.addresses("eth0")).to.have.members(["10.1.0.2/24", "10.2.0.2/32", "fd01::2/64", "fd02::2/120"]);
      const [tentative] = guest
        .ip("-6", "address", "show", "eth0", "tentative", "scope", "global")
        .filter((one) => one.ifname);
      expect(tentative).to.equal(undefined);
      expect(made).to.deep.include({ name: "eth0", device: "eth0", mtu: 1400n, type: "veth" });
      expect(made.IPAddresses).to.deep.include(v6("fd02::2/120"));
      expect(guest.route.link("card0")).to.equal(undefined);
    });

    it("without ARP, and with it again", async () => {
      const devicePath = guest.plug("02", "card0");
      await update({ name: "eth0", devicePath, rawFlags: LinkFlag.noArp });
      expect(guest.ip("link", "show", "eth0")[0]?.flags).to.include("NOARP");
      await update({ name: "eth0", devicePath });
      expect(guest.ip("link", "show", "eth0")[0]?.flags).to.not.include("NOARP");
    });

    it("with other addresses in place of those it had, and the size it has when none is told", async () => {
      const devicePath = guest.plug("02", "card0");
      await update({ name: "eth0", devicePath, mtu: 1300n, IPAddresses: [v4("10.1.0.2/24"), v6("fd01::2/64")] });
      const next = { name: "eth0", devicePath, IPAddresses: [v4("10.1.0.2/16"), v6("fd01::3/64")] };
      await update(next);
      expect(guest.addresses("eth0")).to.have.members(["10.1.0.2/16", "fd01::3/64"]);
      expect(guest.ip("link", "show", "eth0")[0]).to.deep.include({ mtu: 1300 });
      const before = guest.state();
      await update(next);
      expect(guest.state()).to.equal(before);
      await update({ name: "eth0", devicePath });
      expect(guest.addresses("eth0")).to.deep.equal([]);
    });

    it("with the other addresses of a network whose first one goes", async () => {
      const devicePath = guest.plug("02", "card0");
      const IPAddresses = [v4("10.1.0.2/24"), v4("10.1.0.3/24"), v4("10.1.0.4/24")];
      await update({ name: "eth0", devicePath, IPAddresses });
      await update({ name: "eth0", devicePath, IPAddresses: IPAddresses.slice(2) });
      expect(guest.addresses("eth0")).to.deep.equal(["10.1.0.4/24"]);
    });

    it("with one address of IPv4 in two networks", async () => {
      const devicePath = guest.plug("02", "card0");
      await update({ name: "eth0", devicePath, IPAddresses: [v4("10.1.0.2/24"), v4("10.1.0.2/16")] });
      expect(guest.addresses("eth0")).to.have.members(["10.1.0.2/24", "10.1.0.2/16"]);
    });

    it("that has just been plugged in", async () => {
      const updating = update({ name: "eth0", devicePath: "07", IPAddresses: [v4("10.1.0.2/24")] });
      setTimeout(() => guest.plug("07", "late"), 40);
      await updating;
      expect(guest.addresses("eth0")).to.deep.equal(["10.1.0.2/24"]);
      expect(guest.modules).to.deep.equal(["virtio_net"]);
    });
  });

  describe("has several cards", () => {
    it("each with what is its own", async () => {
      const slots = ["02", "03", "04"].map((slot, number) => guest.plug(slot, `card${number}`));
      for (const [number, devicePath] of slots.entries()) {
        const IPAddresses = [v4(`10.${number}.0.2/24`), v6(`fd0${number}::2/64`)];
        await update({ name: `net${number}`, devicePath, mtu: BigInt(1400 + number), IPAddresses });
      }
      for (const number of slots.keys()) {
        expect(guest.addresses(`net${number}`)).to.deep.equal([`10.${number}.0.2/24`, `fd0${number}::2/64`]);
        expect(guest.ip("link", "show", `net${number}`)[0]).to.deep.include({ mtu: 1400 + number });
      }
      const listed = listInterfaces(guest.sys);
      expect(listed.map(({ name }) => name)).to.include.members(["lo", "net0", "net1", "net2"]);
      expect(listed.find(({ name }) => name === "net1")?.IPAddresses).to.deep.include(v4("10.1.0.2/24"));
      expect(listed.find(({ name }) => name === "net1")?.hwAddr).to.equal(guest.route.link("net1")?.hardwareAddress);
    });

    it("whose names are exchanged, while they are up, with their addresses", async () => {
      const [one, two] = [guest.plug("02", "eth0"), guest.plug("03", "eth1")];
      const first = { devicePath: one, IPAddresses: [v4("10.1.0.2/24"), v6("fd01::2/64")] };
      const second = { devicePath: two, IPAddresses: [v4("10.2.0.2/24"), v6("fd02::2/64")] };
      await update({ name: "eth0", ...first });
      await update({ name: "eth1", ...second });
      const [firstIndex, secondIndex] = [guest.index("eth0"), guest.index("eth1")];
      await update({ name: "eth1", ...first });
      expect([guest.index("eth1"), guest.index("eth0")]).to.deep.equal([firstIndex, secondIndex]);
      expect(guest.addresses("eth1")).to.have.members(["10.1.0.2/24", "fd01::2/64"]);
      expect(guest.addresses("eth0")).to.have.members(["10.2.0.2/24", "fd02::2/64"]);
      expect(guest.ip("link", "show", "eth0")[0]?.flags).to.include("UP");
      await update({ name: "eth0", ...second });
      expect([guest.index("eth1"), guest.index("eth0")]).to.deep.equal([firstIndex, secondIndex]);
    });
  });

  describe("refuses", () => {
    const refusals: readonly (readonly [string, Partly<typeof Interface>, RegExp])[] = [
      ["an MTU that is too small", { mtu: 67n }, /KATA_GUEST_ARGUMENT the MTU of "eth0" is 67, not 68 to 65535/],
      ["an MTU that is too large", { mtu: 65_536n }, /KATA_GUEST_ARGUMENT the MTU of "eth0" is 65536/],
      ["no address", { IPAddresses: [v4("10.0.0.256/8")] }, /an address of "eth0" is "10\.0\.0\.256", not an IP/],
      ["a zone", { IPAddresses: [v6("fe80::1%eth0/64")] }, /an address of "eth0" is "fe80::1%eth0", not an IP/],
      ["a long prefix", { IPAddresses: [v4("10.0.0.1/33")] }, /prefix length is "33", not 0 to 32/],
      ["a prefix that is none", { IPAddresses: [v6("fd00::1/x")] }, /prefix length is "x", not 0 to 128/],
      [
        "an address twice",
        { IPAddresses: [v6("fd00::1/64"), v6("FD00:0::1/64")] },
        /the addresses of "eth0" is "fd00::1", not each there once/,
      ],
      ["a long name", { name: "longer-than-fifteen" }, /KATA_NETLINK_VALUE .*"longer-than-fifteen".*1 to 15 bytes/],
      ["no name", { name: "" }, /KATA_NETLINK_VALUE .*1 to 15 bytes/],
      ["a pattern for a name", { name: "eth%d" }, /KATA_NETLINK_VALUE .*"eth%d".*percent/],
      ["a slot that is none", { devicePath: "../../lo" }, /KATA_GUEST_ARGUMENT devicePath is "\.\.\/\.\.\/lo"/],
      ["a card without slot and address", { devicePath: "", hwAddr: "" }, /KATA_NETLINK_VALUE .*six bytes/],
    ];
    for (const [what, wanted, words] of refusals) {
      it(`${what}, and changes nothing`, async () => {
        const devicePath = guest.plug("02", "card0");
        const before = guest.state();
        expect(await refusal(() => update({ name: "eth0", devicePath, ...wanted }))).to.match(words);
        expect(guest.state()).to.equal(before);
      });
    }

    it("a card that never comes, and says what there is", async () => {
      guest.plug("02", "card0");
      const { hardwareAddress } = guest.route.link("card0")!;
      const wanted = { name: "eth0", hwAddr: "02:00:00:00:00:01" };
      const words = await refusal(() => update({ ...wanted, devicePath: "03/01" }, 30));
      expect(words).to.match(/^KATA_GUEST_CARD_ABSENT .*02:00:00:00:00:01 at 03\/01 for "eth0", after 30 ms/);
      expect(words).to.contain(`card0 (${hardwareAddress})`);
      expect(await refusal(() => update(wanted, 30))).to.match(/card 02:00:00:00:00:01 for "eth0", after 30 ms/);
      // the loopback's address is no card's
      expect(await refusal(() => update({ ...wanted, hwAddr: "00:00:00:00:00:00" }, 30))).to.match(/CARD_ABSENT/);
    });
  });

  describe("has routes", () => {
    beforeEach(async () => {
      const IPAddresses = [v4("10.1.0.2/24"), v6("fd01::2/64")];
      await update({ name: "eth0", devicePath: guest.plug("02", "card0"), IPAddresses });
    });

    const shown = (): string[] =>
      ["-4", "-6"].flatMap((family) =>
        guest
          .ip(family, "route")
          .filter(({ dst }) => !/^(10\.1\.0\.0|fd01::|fe80::)\/|^multicast/.test(dst))
          .map(({ dst, gateway, dev }) => `${dst} ${gateway ?? "-"} ${dev}`),
      );

    const all = [
      { dest: "", gateway: "169.254.1.1", device: "eth0" },
      { dest: "", gateway: "fd99::1", device: "eth0", family: IPFamily.v6 },
      { dest: "192.168.0.0/16", gateway: "10.1.0.9", device: "eth0", source: "10.1.0.2", mtu: 1280 },
      { dest: "fd99::/64", device: "eth0" },
      { dest: "169.254.1.1/32", device: "eth0", scope: 253 },
    ];

    it("of both families, those that end on the link first, as gateways are behind them", () => {
      const answer = route(...all);
      expect(shown()).to.have.members([
        "default 169.254.1.1 eth0",
        "default fd99::1 eth0",
        "192.168.0.0/16 10.1.0.9 eth0",
        "fd99::/64 - eth0",
        "169.254.1.1 - eth0",
      ]);
      expect(answer.find(({ dest }) => dest === "192.168.0.0/16")).to.deep.include({
        gateway: "10.1.0.9",
        source: "10.1.0.2",
        mtu: 1280,
        device: "eth0",
        family: IPFamily.v4,
      });
      expect(answer.find(({ gateway }) => gateway === "fd99::1")).to.deep.include({ dest: "", family: IPFamily.v6 });
      // The kernel adds those of link-local addresses when a card's other end is ready.
      const lasting = (routes: typeof answer) => routes.filter(({ dest }) => !dest.startsWith("fe80::"));
      expect(lasting(listRoutes(guest.sys))).to.have.deep.members(lasting(answer));
    });

    it("through a gateway that no route leads to, when it is on the link", () => {
      route({ dest: "0.0.0.0/0", gateway: "172.31.0.1", device: "eth0", flags: 4 });
      expect(shown()).to.deep.equal(["default 172.31.0.1 eth0"]);
      expect(guest.ip("-4", "route", "show", "default")[0]?.flags).to.include("onlink");
    });

    it("of IPv4 through a gateway of IPv6", () => {
      const made = route({ dest: "10.9.0.0/16", gateway: "fd01::1", device: "eth0" });
      expect(made.find(({ gateway }) => gateway !== "")).to.deep.include({
        dest: "10.9.0.0/16",
        gateway: "fd01::1",
        family: IPFamily.v4,
      });
    });

    it("a default one by its family's zero", () => {
      route({ dest: "::/0", device: "eth0" }, { dest: "0.0.0.0/0", device: "eth0" });
      expect(shown()).to.have.members(["default - eth0", "default - eth0"]);
    });

    it("in place of those it had; what the kernel made of addresses stays, and what is spread goes whole", () => {
      route(...all);
      const hops = ["nexthop", "via", "10.1.0.7", "dev", "eth0", "nexthop", "via", "10.1.0.8", "dev", "eth0"];
      guest.ip("route", "add", "10.8.0.0/16", ...hops);
      guest.ip("-6", "route", "add", "fd08::/64", ...hops.map((word) => word.replace("10.1.0.", "fd01::")));
      route({ gateway: "10.1.0.1", device: "eth0" });
      expect(shown()).to.deep.equal(["default 10.1.0.1 eth0"]);
      route();
      expect(shown()).to.deep.equal([]);
      expect(listRoutes(guest.sys).map(({ dest }) => dest)).to.include.members(["10.1.0.0/24", "fd01::/64"]);
    });

    it("but not those that cannot be, and keeps what it has", async () => {
      route({ gateway: "10.1.0.1", device: "eth0" });
      const refusals: readonly (readonly [Partly<typeof Route>, RegExp])[] = [
        [{ device: "eth7" }, /KATA_GUEST_LINK_UNKNOWN the guest has no link "eth7"; there are: lo, .*card0-peer, eth0/],
        [{ device: "eth0", dest: "10.0.0.0/8/4" }, /a route's destination is "10\.0\.0\.0\/8\/4"/],
        [{ device: "eth0", dest: "nowhere" }, /a route's destination is "nowhere", not an IP address/],
        [{ device: "eth0", dest: "fd00::/129" }, /prefix length is "129", not 0 to 128/],
        [{ device: "eth0", gateway: "10.1" }, /a route's gateway is "10\.1"/],
        [{ device: "eth0", dest: "fd05::/64", gateway: "10.1.0.1" }, /gateway is "10\.1\.0\.1", not of IPv6/],
        [{ device: "eth0", gateway: "10.1.0.1", source: "fd01::2" }, /source is "fd01::2", not an address of ipv4/],
        [{ device: "eth0", scope: 256 }, /a route's scope is 256, not 0 to 255/],
      ];
      for (const [wanted, words] of refusals) expect(await refusal(() => route(wanted))).to.match(words);
      expect(shown()).to.deep.equal(["default 10.1.0.1 eth0"]);
    });

    it("but not through a gateway that is nowhere; it says which, in the kernel's words, and has the others", async () => {
      const words = await refusal(() =>
        route(
          { gateway: "10.250.0.1", device: "eth0" },
          { dest: "10.8.0.0/16", gateway: "10.1.0.1", device: "eth0" },
          { dest: "10.9.0.7/16", device: "eth0" },
        ),
      );
      expect(words).to.contain(
        "KATA_GUEST_ROUTE the guest cannot have the route 10.9.0.7/16, nor default via 10.250.0.1",
      );
      expect(words).to.contain("EINVAL");
      expect(shown()).to.deep.equal(["10.8.0.0/16 10.1.0.1 eth0"]);
      const one = await refusal(() => route({ gateway: "10.250.0.1", device: "eth0" }));
      expect(one).to.match(/the route default via 10\.250\.0\.1: .*ENETUNREACH.*Nexthop has invalid gateway/);
    });
  });

  describe("has neighbours", () => {
    beforeEach(async () => {
      await update({ name: "eth0", devicePath: guest.plug("02", "card0"), IPAddresses: [v4("10.1.0.2/24")] });
    });

    const permanent = () => guest.ip("neighbour", "show", "nud", "permanent");

    it("of both families, which it changes when they are there", () => {
      neighbor({ toIPAddress: v4("10.1.0.1"), device: "eth0", lladdr: "02:00:00:00:00:01" });
      neighbor({ toIPAddress: v6("fd01::1"), device: "eth0", lladdr: "02:00:00:00:00:02", state: 0x80 });
      neighbor({ toIPAddress: v4("10.1.0.1"), device: "eth0", lladdr: "02:00:00:00:00:03" });
      const told = permanent().map(({ dst, lladdr, dev }) => `${dst} ${lladdr} ${dev}`);
      expect(told).to.have.members(["10.1.0.1 02:00:00:00:00:03 eth0", "fd01::1 02:00:00:00:00:02 eth0"]);
    });

    it("but none of them when one cannot be", async () => {
      const good = { toIPAddress: v4("10.1.0.1"), device: "eth0", lladdr: "02:00:00:00:00:01" };
      const refusals: readonly (readonly [Partly<typeof ARPNeighbor>, RegExp])[] = [
        [{ device: "eth7" }, /KATA_GUEST_LINK_UNKNOWN the guest has no link "eth7"/],
        [{ toIPAddress: v4("10.1") }, /a neighbour's address is "10\.1", not an IP address/],
        [{ lladdr: "02:00" }, /KATA_NETLINK_VALUE .*"02:00".*six bytes/],
        [{ state: 65_536 }, /a neighbour's state is 65536, not 0 to 65535/],
        [{ flags: -1 }, /a neighbour's flags is -1, not 0 to 255/],
      ];
      for (const [change, words] of refusals) {
        const both = [good, { ...good, ...change }].map((one) => ARPNeighbor.fromPartial(one));
        expect(await refusal(() => addNeighbors(guest.sys, both))).to.match(words);
        expect(permanent()).to.deep.equal([]);
      }
      const nowhere = ARPNeighbor.fromPartial({ device: "eth0", lladdr: "02:00:00:00:00:01" });
      expect(await refusal(() => addNeighbors(guest.sys, [nowhere]))).to.match(/toIPAddress/);
    });
  });
});
