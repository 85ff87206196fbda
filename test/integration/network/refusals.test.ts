import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import type { NetworkModel } from "../../../src/core/contracts/network-model.js";
import { codeOf, describeError } from "../../../src/core/errors/error.js";
import { silentLogger } from "../../../src/core/log.js";
import { joinedEndpoints } from "../../../src/core/network/joined-endpoint.js";
import { NamespaceSource } from "../../../src/core/network/namespace-source.js";
import { PodNetwork, type PodNetworkParts } from "../../../src/core/network/pod-network.js";
import { Macvtap } from "../../../src/plugins/endpoints/network-models/macvtap/macvtap.js";
import { TcFilter } from "../../../src/plugins/endpoints/network-models/tcfilter/tc-filter.js";
import { needsRoot } from "../sys/fixture.js";
import { NotedGuest } from "../../support/noted-guest.js";
import { skip } from "../../support/skip.js";
import { TestPod } from "../../support/test-pod.js";
import { makeMachine, removeMachines } from "../../unit/plugins/hypervisors/qemu/machine.js";

const never = new AbortController().signal;

describe("a pod's network that cannot be", () => {
  let pod: TestPod;
  let guest: NotedGuest;
  let before_: string;
  const networks: PodNetwork[] = [];

  before(function () {
    needsRoot(this);
  });

  beforeEach(() => {
    pod = new TestPod();
    guest = new NotedGuest();
    before_ = pod.state();
  });

  afterEach(async () => {
    for (const network of networks.splice(0)) await network.cleanup();
    pod.close();
  });

  const tcFilter = (): NetworkModel => new TcFilter({ sys: pod.sys, log: silentLogger, record: pod.record });
  const macvtap = (): NetworkModel => new Macvtap({ sys: pod.sys, log: silentLogger, record: pod.record });

  function make(change: Partial<PodNetworkParts> = {}): PodNetwork {
    const network = new PodNetwork({
      source: new NamespaceSource(pod.sys, pod.namespace),
      model: tcFilter(),
      drivers: [joinedEndpoints("veth", ["veth", "device"]), joinedEndpoints("macvlan", ["macvlan"])],
      settings: { queuePairs: 1, vhost: false, rates: {} },
      hypervisor: guest.hypervisor,
      agent: guest.agent,
      ...change,
    });
    networks.push(network);
    return network;
  }

  /** Code and words of what a pod is refused with; nothing of it is left. */
  async function refusal(change: Partial<PodNetworkParts> = {}): Promise<string> {
    const network = make(change);
    const error: unknown = await network.prepare(never).then(
      () => expect.fail("it was not refused"),
      (cause: unknown) => cause,
    );
    await network.cleanup();
    expect(pod.record.content.network).to.deep.equal([]);
    return `${codeOf(error)} ${describeError(error)}`;
  }

  const refusalOf = (namespace: string) => refusal({ source: new NamespaceSource(pod.sys, namespace) });

  /** A model that does something before it joins a link. */
  const joinedAfter = (act: () => void, model: NetworkModel): NetworkModel => ({
    name: model.name,
    attaches: true,
    join: (join) => {
      act();
      return model.join(join);
    },
    part: (join) => model.part(join),
  });

  const removeLink = (name: string) => () => pod.route.removeLink(pod.index(name));

  describe("because its namespace is", () => {
    const place = (): string => join(pod.directory, "place");

    it("not there, a file, a namespace of another kind, or the runtime's own", async () => {
      expect(await refusalOf("/nowhere")).to.match(/KATA_NETWORK_NAMESPACE .*"\/nowhere".* is not there/);
      writeFileSync(place(), "");
      expect(await refusalOf(place())).to.match(/KATA_NETWORK_NAMESPACE .*is no namespace/);
      expect(await refusalOf("/proc/self/ns/mnt")).to.match(/NAMESPACE .*is a namespace of another kind, mnt:/);
      expect(await refusalOf("/proc/self/ns/net")).to.match(/KATA_NETWORK_OWN .*hostNetwork/);
    });

    it("a link that leads nowhere", async () => {
      symlinkSync("/nowhere", place());
      const words = await refusalOf(place());
      expect(words).to.match(/KATA_NETWORK_NAMESPACE .*\/place".* is a symbolic link that leads nowhere: ENOENT/);
    });

    it("a directory, a device or a socket", async () => {
      mkdirSync(place());
      expect(await refusalOf(place())).to.match(/KATA_NETWORK_NAMESPACE .*is a directory$/);
      expect(await refusalOf("/dev/null")).to.match(/KATA_NETWORK_NAMESPACE .*is a device$/);
      const path = join(pod.directory, "socket");
      const server = createServer().listen(path);
      try {
        expect(await refusalOf(path)).to.match(/KATA_NETWORK_NAMESPACE .*is a socket$/);
      } finally {
        server.close();
      }
    });

    it("a fifo, without waiting for somebody to write to it", async () => {
      pod.sys.fifos.create(place(), 0o600);
      expect(await refusalOf(place())).to.match(/KATA_NETWORK_NAMESPACE .*is a fifo$/);
      expect(() => pod.sys.netlink.route(place())).to.throw(/setns.*EINVAL/);
    });
  });

  describe("because a link vanishes", () => {
    for (const [name, model] of [
      ["tcfilter", tcFilter],
      ["macvtap", macvtap],
    ] as const) {
      it(`before it is joined by ${name}`, async () => {
        pod.addPair("eth1", "peer1", 2);
        const words = await refusal({ model: joinedAfter(removeLink("eth0"), model()) });
        expect(words).to.match(/KATA_NETWORK_ENDPOINT the veth "eth0" of .* cannot be given to the virtual machine/);
        expect(words).to.match(/the link "eth0" is not in .* any more; there are: lo, .*eth1$/);
        expect(pod.run("tc", ["qdisc", "show"])).to.not.match(/ingress|tap/);
        expect(pod.links()).to.deep.equal(["eth1"]);
      });
    }

    it("before the machine has its card; the card goes, and the others stay", async () => {
      pod.addPair("eth1", "peer1", 2);
      let added = 0;
      guest.meanwhile = { addDevice: () => void (added++ === 0 && removeLink("eth0")()) };
      const network = make();
      await network.prepare(never);
      await network.attach();
      expect(await network.update(never)).to.equal(true);
      expect([network.links, [...guest.devices.keys()]]).to.deep.equal([["eth1"], ["eth1"]]);
      await network.cleanup();
      expect(pod.links()).to.deep.equal(["eth1"]);
      expect(pod.record.content.network).to.deep.equal([]);
    });

    it("and the machine does not take its card", async () => {
      guest.meanwhile = {
        addDevice: () => {
          removeLink("eth0")();
          throw new Error("no such tap");
        },
      };
      expect(await refusal()).to.match(/KATA_NETWORK_CARD .*takes no card for the veth "eth0" of .*: no such tap$/);
      expect(pod.links()).to.deep.equal([]);
    });

    it("while the guest is told of it; its card goes", async () => {
      pod.addPair("eth1", "peer1", 2);
      guest.meanwhile = { updateInterface: () => void (guest.interfaces.length === 0 && removeLink("eth0")()) };
      const network = make();
      await network.prepare(never);
      await network.attach();
      expect(guest.interfaces.map(({ name }) => name)).to.deep.equal(["eth0", "eth1"]);
      await network.update(never);
      expect([network.links, [...guest.devices.keys()]]).to.deep.equal([["eth1"], ["eth1"]]);
      await network.cleanup();
      expect(pod.links()).to.deep.equal(["eth1"]);
    });
  });

  describe("as one of its links comes that cannot be added", () => {
    const refused = async (network: PodNetwork): Promise<string> =>
      network.update(never).then(
        () => expect.fail("it was not refused"),
        (error: unknown) => describeError(error),
      );

    it("has the others, with their routes, and is not tried again before something changes", async () => {
      const network = make();
      await network.prepare(never);
      await network.attach();
      pod.route.createLink({ name: "br0" }, { kind: "bridge" });
      const bridge = pod.index("br0");
      pod.route.addAddress({ link: bridge, family: "ipv4", address: "10.9.0.1", prefix: 24 });
      pod.route.changeLink(bridge, { up: true });
      pod.route.addRoute({ family: "ipv4", link: bridge, destination: { address: "10.99.0.0", prefix: 16 } });
      pod.addPair("eth1", "peer1", 2);
      pod.route.addRoute({ family: "ipv4", link: pod.index("eth1"), gateway: "10.1.2.1" });
      expect(await refused(network)).to.match(/"br0" of kind "bridge"/);
      expect(network.links).to.deep.equal(["eth0", "eth1"]);
      expect(guest.interfaces.map(({ name }) => name)).to.deep.equal(["eth0", "eth1"]);
      expect(guest.routes.map(({ device }) => device)).to.deep.equal(["eth1"]);
      expect(await network.update(never)).to.equal(false);
      pod.addPair("eth2", "peer2", 3);
      expect(await refused(network)).to.match(/"br0" of kind "bridge"/);
      expect(guest.interfaces.map(({ name }) => name)).to.deep.equal(["eth0", "eth1", "eth2"]);
      pod.route.removeLink(bridge);
      expect(await network.update(never)).to.equal(true);
      expect(await network.update(never)).to.equal(false);
    });

    it("is told again of a link that the guest did not take", async () => {
      const network = make();
      await network.prepare(never);
      await network.attach();
      pod.addPair("eth1", "peer1", 2);
      const fail = () => {
        throw new Error("the guest is busy");
      };
      guest.meanwhile = { updateInterface: fail };
      expect(await refused(network)).to.equal("the guest is busy");
      guest.meanwhile = {};
      pod.route.addRoute({ family: "ipv4", link: pod.index("eth1"), gateway: "10.1.2.1" });
      expect(await network.update(never)).to.equal(true);
      expect(guest.interfaces.map(({ name }) => name)).to.deep.equal(["eth0", "eth1"]);
    });
  });

  it("because it has more links than the machine has slots", async () => {
    for (let number = 2; number <= 64; number++) {
      pod.route.createLink({ name: `eth${number}` }, { kind: "veth", peer: { name: `p${number}` } });
      const address = `10.7.${number}.2`;
      pod.route.addAddress({ link: pod.index(`eth${number}`), family: "ipv4", address, prefix: 24 });
    }
    before_ = pod.state();
    const { machine } = await makeMachine({});
    try {
      const words = await refusal({ hypervisor: machine });
      expect(words).to.match(
        /KATA_NETWORK_CARD .*takes no card for the veth "eth\d+" of .*, link number \d\d of the pod/,
      );
      expect(words).to.match(/all \d\d slots of the machine's PCI bus are taken; give the pod fewer links/);
      expect(pod.state()).to.equal(before_);
      await machine.stop();
    } finally {
      removeMachines();
    }
  });

  describe("because of", () => {
    for (const { what, mtu } of [
      { what: "an MTU that is too large", mtu: 70_000 },
      { what: "an MTU that is too small", mtu: 67 },
    ]) {
      it(what, async function () {
        try {
          pod.route.createLink({ name: "odd0" }, { kind: "ifb" });
        } catch (error) {
          skip(this, `this kernel makes no link of the kind ifb: ${describeError(error)}`);
        }
        const link = pod.index("odd0");
        // IPv6 stays where IPv4 had not come
        pod.route.addAddress({ link, family: "ipv4", address: "10.7.0.2", prefix: 24 });
        pod.route.changeLink(link, { mtu: 70_000 });
        const odd = { ...pod.route.link("odd0")!, mtu };
        const netlink = {
          ...pod.sys.netlink,
          route: (namespace?: string | number) => {
            const route = pod.sys.netlink.route(namespace);
            const all = () => route.links().map((one) => (one.name === "odd0" ? odd : one));
            return new Proxy(route, {
              get: (target, key) => (key === "links" ? all : Reflect.get(target, key).bind(target)),
            });
          },
        };
        before_ = pod.state();
        const words = await refusal({ source: new NamespaceSource({ ...pod.sys, netlink }, pod.namespace) });
        expect(words).to.equal(
          `KATA_NETWORK_MTU the MTU of "odd0" is ${mtu}; a virtual machine's card takes 68 to 65535 bytes`,
        );
        expect(pod.state()).to.equal(before_);
      });
    }

    for (const { kind, add } of [
      { kind: "bridge", add: ["link", "add", "odd0", "type", "bridge"] },
      { kind: "vxlan", add: ["link", "add", "odd0", "type", "vxlan", "id", "5", "dstport", "4789"] },
      { kind: 'tun" and type "tun', add: ["tuntap", "add", "odd0", "mode", "tun"] },
      { kind: "dummy", add: ["link", "add", "odd0", "type", "dummy"] },
      { kind: "sit", add: ["link", "add", "odd0", "type", "sit", "local", "10.1.1.2", "remote", "10.1.1.1"] },
      { kind: "ip6gre", add: ["link", "add", "odd0", "type", "ip6gre", "local", "fd01:1::2", "remote", "fd01:1::1"] },
      { kind: "wireguard", add: ["link", "add", "odd0", "type", "wireguard"] },
    ]) {
      it(`a link that no card can stand for: ${kind}`, async function () {
        try {
          pod.run("ip", add);
        } catch (error) {
          skip(this, `this kernel makes no such link: ${describeError(error).trim()}`);
        }
        pod.route.addAddress({ link: pod.index("odd0"), family: "ipv4", address: "10.7.0.2", prefix: 24 });
        before_ = pod.state();
        const words = await refusal();
        expect(words).to.contain("KATA_PLUGIN_NO_MATCH").and.contain(`"odd0" of kind "${kind}"`);
        expect(words).to.contain('there are: "veth", "macvlan"');
        expect(pod.state()).to.equal(before_);
      });
    }

    it("a device that is not of Ethernet", async () => {
      const driver = joinedEndpoints("veth", ["device"]);
      const link = { ...infiniband, name: "ib0" };
      const request = { link, namespace: pod.namespace, model: tcFilter(), index: 0, ...usual };
      const error: unknown = await driver
        .create(request)
        .prepare(never)
        .catch((cause: unknown) => cause);
      expect(codeOf(error)).to.equal("KATA_NETWORK_HARDWARE_ADDRESS");
      expect(describeError(error)).to.match(/of "ib0" is "80:00:.*"; a virtual machine's card needs six bytes/);
      expect(pod.state()).to.equal(before_);
    });

    it("one address on two links, of either family", async () => {
      pod.addPair("eth1", "peer1", 2);
      for (const [family, address, prefix] of [
        ["ipv4", "10.1.1.2", 24],
        ["ipv6", "fd01:1::2", 128],
      ] as const) {
        const one = { link: pod.index("eth1"), family, address, prefix };
        pod.route.addAddress(one);
        before_ = pod.state();
        const words = await refusal();
        expect(words).to.contain(`KATA_NETWORK_DUPLICATE the address ${address} is on "eth0" and on "eth1"`);
        expect(pod.state()).to.equal(before_);
        pod.route.removeAddress(one);
      }
    });

    it("a tap's name that is taken, by whatever link", async () => {
      for (const [add, model] of [
        [() => pod.run("ip", ["tuntap", "add", "tap0_kata", "mode", "tap"]), tcFilter()],
        [() => pod.route.createLink({ name: "tap0_kata" }, { kind: "bridge" }), tcFilter()],
        [() => pod.route.createLink({ name: "tap0_kata" }, { kind: "bridge" }), macvtap()],
      ] as const) {
        add();
        before_ = pod.state();
        const words = await refusal({ model });
        expect(words).to.match(
          /KATA_NETWORK_ENDPOINT .*"eth0".*: a link "tap0_kata" is in .* already.*ip link del dev tap0/,
        );
        expect(pod.state()).to.equal(before_);
        removeLink("tap0_kata")();
      }
    });
  });

  it("but not because a link has an address twice: with two prefixes, or two peers", async () => {
    const link = pod.index("eth0");
    pod.route.addAddress({ link, family: "ipv4", address: "10.1.1.2", prefix: 16 });
    for (const last of [1, 2]) {
      pod.route.addAddress({ link, family: "ipv4", address: "10.5.0.1", prefix: 32, peer: `10.6.0.${last}` });
    }
    const network = make();
    await network.prepare(never);
    await network.attach();
    const told = guest.interfaces[0]?.addresses.map(({ address, prefix }) => `${address}/${prefix}`);
    expect(told).to.have.members(["10.1.1.2/24", "10.1.1.2/16", "10.5.0.1/32", "fd01:1::2/64"]);
    expect(guest.routes.map(({ destination }) => destination)).to.include.members(["10.6.0.1/32", "10.6.0.2/32"]);
  });
});

/** A device whose hardware address has twenty bytes. */
const infiniband = {
  index: 9,
  kind: "device",
  hardwareAddress: Array.from({ length: 20 }, (_, at) => (at === 0 ? "80" : "00")).join(":"),
  mtu: 2044,
  flags: 0,
  details: {},
  guest: { device: "ib0", name: "ib0", addresses: [], mtu: 2044, hardwareAddress: "" },
} as const;

const usual = { queuePairs: 1, queueSize: 256, vhost: false, rates: {} } as const;
