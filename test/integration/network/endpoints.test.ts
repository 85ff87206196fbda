import { closeSync } from "node:fs";
import { expect } from "chai";
import type { NetDevice } from "../../../src/core/contracts/device.js";
import type { NetworkModel } from "../../../src/core/contracts/network-model.js";
import { silentLogger } from "../../../src/core/log.js";
import type { CardSettings } from "../../../src/core/network/card-settings.js";
import { NamespaceSource } from "../../../src/core/network/namespace-source.js";
import { PodNetwork } from "../../../src/core/network/pod-network.js";
import { joinedEndpoints } from "../../../src/core/network/joined-endpoint.js";
import { Macvtap } from "../../../src/plugins/endpoints/network-models/macvtap/macvtap.js";
import { TcFilter } from "../../../src/plugins/endpoints/network-models/tcfilter/tc-filter.js";
import { plugin as macvtapEndpoint } from "../../../src/plugins/endpoints/macvtap/index.js";
import { plugin as tap } from "../../../src/plugins/endpoints/tap/index.js";
import { plugin as tuntap } from "../../../src/plugins/endpoints/tuntap/index.js";
import type { PluginContext } from "../../../src/core/plugin/context.js";
import { needsRoot } from "../sys/fixture.js";
import { NotedGuest } from "../../support/noted-guest.js";
import { mac, TestPod } from "../../support/test-pod.js";

const never = new AbortController().signal;

describe("a pod's network", () => {
  let pod: TestPod;
  let guest: NotedGuest;
  let network: PodNetwork | undefined;
  const open: number[] = [];

  before(function () {
    needsRoot(this);
  });

  beforeEach(() => {
    pod = new TestPod();
    guest = new NotedGuest();
  });

  afterEach(async () => {
    await network?.cleanup();
    network = undefined;
    for (const fd of open.splice(0)) closeSync(fd);
    pod.close();
  });

  const models = (): NetworkModel[] => {
    const parts = { sys: pod.sys, log: silentLogger, record: pod.record };
    return [new TcFilter(parts), new Macvtap(parts)];
  };

  async function make(model = models()[0]!, settings: Partial<CardSettings> = {}): Promise<PodNetwork> {
    const context = { sys: pod.sys, sandbox: { record: pod.record } } as unknown as PluginContext;
    const drivers = [
      joinedEndpoints("veth", ["veth"]),
      joinedEndpoints("macvlan", ["macvlan"]),
      await macvtapEndpoint.create(context, undefined),
      await tap.create(context, undefined),
      await tuntap.create(context, undefined),
    ];
    network = new PodNetwork({
      source: new NamespaceSource(pod.sys, pod.namespace),
      model,
      drivers,
      settings: { queuePairs: 1, vhost: false, rates: {}, ...settings },
      hypervisor: guest.hypervisor,
      agent: guest.agent,
    });
    return network;
  }

  const card = (name: string): NetDevice => {
    const device = guest.devices.get(name);
    if (device?.kind !== "net") throw new Error(`no card ${name}`);
    return device;
  };

  it("comes to the guest with its addresses, routes and neighbours", async () => {
    const link = pod.index("eth0");
    pod.addPair("eth1", "peer1", 2);
    pod.route.changeLink(link, { mtu: 1400 });
    pod.route.addRoute({ family: "ipv4", link, gateway: "10.1.1.1" });
    pod.route.addRoute({ family: "ipv6", link, gateway: "fd01:1::1" });
    const far = { address: "192.168.0.0", prefix: 16 };
    pod.route.addRoute({ family: "ipv4", link, gateway: "169.254.1.1", onLink: true, destination: far });
    pod.route.setNeighbor({
      link,
      family: "ipv4",
      address: "169.254.1.1",
      hardwareAddress: "ee:ee:ee:ee:ee:ee",
      state: 0x80,
      flags: 0,
    });
    const made = await make();
    await made.prepare(never);
    await made.attach();
    expect(made.links).to.have.members(["eth0", "eth1"]);
    expect(card("eth0").hardwareAddress).to.equal(mac(1, 2));
    expect(guest.interfaces.find(({ name }) => name === "eth0")).to.deep.include({
      mtu: 1400,
      hardwareAddress: mac(1, 2),
      devicePath: "01",
      addresses: [
        { family: "ipv4", address: "10.1.1.2", prefix: 24 },
        { family: "ipv6", address: "fd01:1::2", prefix: 64 },
      ],
    });
    const told = guest.routes.map(({ destination, gateway, device, flags }) => [destination, gateway, device, flags]);
    expect(told).to.deep.include.members([
      ["", "10.1.1.1", "eth0", 0],
      ["", "fd01:1::1", "eth0", 0],
      ["192.168.0.0/16", "169.254.1.1", "eth0", 4],
    ]);
    expect(told).to.have.length(3);
    expect(guest.neighbors).to.have.length(1);
    expect(guest.neighbors[0]).to.deep.include({ device: "eth0", hardwareAddress: "ee:ee:ee:ee:ee:ee" });
  });

  it("comes with the best of the routes to one destination: the guest knows no priorities", async () => {
    pod.addPair("eth1", "peer1", 2);
    const [eth0, eth1] = [pod.index("eth0"), pod.index("eth1")];
    pod.route.addRoute({ family: "ipv4", link: eth0, priority: 200 });
    pod.route.addRoute({ family: "ipv4", link: eth1, gateway: "10.1.2.1", priority: 100 });
    pod.route.addRoute({ family: "ipv6", link: eth1, gateway: "fd01:2::1", priority: 300 });
    pod.route.addRoute({ family: "ipv6", link: eth0, gateway: "fd01:1::1", priority: 200 });
    const made = await make();
    await made.prepare(never);
    await made.attach();
    expect(guest.routes.map(({ family, gateway, device }) => [family, gateway, device])).to.have.deep.members([
      ["ipv4", "10.1.2.1", "eth1"],
      ["ipv6", "fd01:1::1", "eth0"],
    ]);
  });

  for (const [index, name] of ["tcfilter", "macvtap"].entries()) {
    for (const rates of [{}, { receive: 8_000_000, transmit: 8_000_000 }]) {
      it(`is given back as it was found, by ${name}${"receive" in rates ? " with limits" : ""}`, async () => {
        pod.addPair("eth1", "peer1", 2);
        const before = pod.state();
        const made = await make(models()[index], { rates, queuePairs: 2 });
        await made.prepare(never);
        expect(card("eth1").tapFds).to.have.length(2);
        expect(pod.state()).to.not.equal(before);
        await made.cleanup();
        expect(pod.state()).to.equal(before);
        expect(pod.record.content.network).to.deep.equal([]);
      });
    }
  }

  it("follows the addresses, the size and the hardware address of a link", async () => {
    const made = await make();
    await made.prepare(never);
    await made.attach();
    const link = pod.index("eth0");
    pod.route.addAddress({ link, family: "ipv4", address: "10.5.0.2", prefix: 24 });
    expect(await made.update(never)).to.equal(true);
    expect(guest.interfaces.at(-1)?.addresses.map(({ address }) => address)).to.include.members([
      "10.1.1.2",
      "10.5.0.2",
      "fd01:1::2",
    ]);
    expect(guest.interfaces.at(-1)?.devicePath).to.equal("01");
    pod.route.changeLink(link, { mtu: 1300 });
    pod.route.removeAddress({ link, family: "ipv4", address: "10.5.0.2", prefix: 24 });
    expect(await made.update(never)).to.equal(true);
    expect(guest.interfaces.at(-1)).to.deep.include({ name: "eth0", mtu: 1300 });
    expect(guest.interfaces.at(-1)?.addresses).to.have.length(2);
    expect(guest.interfaces).to.have.length(3);
    expect(await made.update(never)).to.equal(false);
    pod.route.changeLink(link, { hardwareAddress: mac(1, 9) });
    expect(await made.update(never)).to.equal(true);
    expect(card("eth0").hardwareAddress).to.equal(mac(1, 9));
    expect(guest.interfaces.at(-1)?.hardwareAddress).to.equal(mac(1, 9));
  });

  it("takes macvlans, macvtaps and taps as they are", async () => {
    const parent = pod.index("eth0");
    const addressed = (name: string, last: number): void => {
      const link = pod.index(name);
      pod.route.changeLink(link, { up: true });
      pod.route.addAddress({ link, family: "ipv4", address: `10.2.0.${last}`, prefix: 24 });
    };
    pod.route.createLink({ name: "mv0" }, { kind: "macvlan", parent, mode: "bridge" });
    pod.route.createLink({ name: "mvt0" }, { kind: "macvtap", parent, mode: "bridge" });
    pod.run("ip", ["tuntap", "add", "free0", "mode", "tap"]);
    open.push(...pod.sys.taps.open({ name: "held0", namespace: pod.namespace, queuePairs: 1, exclusive: true }));
    for (const [last, name] of ["mv0", "mvt0", "free0", "held0"].entries()) addressed(name, last + 1);
    // A tap that was held has lost its carrier afterwards, and with it a route or two; that is the kernel's.
    const qdiscs = () => pod.run("tc", ["qdisc", "show"]);
    const before = [pod.links(), qdiscs()];
    const made = await make();
    await made.prepare(never);
    expect([...guest.devices.keys()]).to.have.members(["eth0", "mv0", "mvt0", "free0", "held0"]);
    const own = (name: string) => pod.route.link(name)?.hardwareAddress;
    for (const name of ["mv0", "mvt0", "held0"]) expect(card(name).hardwareAddress, name).to.equal(own(name));
    expect(card("free0").hardwareAddress).to.not.equal(own("free0"));
    expect(pod.route.link("free0")!.flags & 0x10000).to.not.equal(0);
    await made.cleanup();
    expect([pod.links(), qdiscs()]).to.deep.equal(before);
  });

  it("follows links that come, and links that go", async () => {
    const made = await make();
    await made.prepare(never);
    await made.attach();
    expect(await made.update(never)).to.equal(false);
    pod.addPair("eth1", "peer1", 2);
    expect(await made.update(never)).to.equal(true);
    expect(guest.interfaces.map(({ name }) => name)).to.deep.equal(["eth0", "eth1"]);
    pod.route.addRoute({ family: "ipv4", link: pod.index("eth1"), gateway: "10.1.2.1" });
    expect(await made.update(never)).to.equal(true);
    expect(guest.routes.map(({ gateway }) => gateway)).to.deep.equal(["10.1.2.1"]);
    pod.route.removeLink(pod.index("eth0"));
    expect(await made.update(never)).to.equal(true);
    expect([...guest.devices.keys()]).to.deep.equal(["eth1"]);
    expect(pod.links()).to.have.members(["eth1", "tap1_kata"]);
  });
});
