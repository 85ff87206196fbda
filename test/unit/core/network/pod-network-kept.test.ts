import { expect } from "chai";
import * as fc from "fast-check";
import type { EndpointDriver, EndpointRequest, LinkInfo } from "../../../../src/core/contracts/endpoint.js";
import type { Device } from "../../../../src/core/contracts/device.js";
import { codeOf } from "../../../../src/core/errors/error.js";
import { PodNetwork, type PodNetworkParts } from "../../../../src/core/network/pod-network.js";
import { parsePodNetwork } from "../../../../src/core/network/pod-network-kept.js";
import type { PodNetworkState } from "../../../../src/core/network/pod-network-source.js";
import { FakeAgent } from "../../../../src/testing/fake-agent.js";

const never = new AbortController().signal;

const link = (name: string, index: number): LinkInfo => ({
  name,
  index,
  kind: "veth",
  hardwareAddress: `02:00:00:00:00:0${index}`,
  mtu: 1500,
  flags: 0,
  details: {},
  guest: { device: name, name, addresses: [], mtu: 1500, hardwareAddress: `02:00:00:00:00:0${index}` },
});

/** A pod's network whose machine and guest note what they are told. */
function networkOf(found: () => PodNetworkState, sourceName = "/run/netns/pod") {
  const told: string[] = [];
  const requests: EndpointRequest[] = [];
  const driver: EndpointDriver = {
    name: "fake",
    match: () => 1,
    create: (request) => {
      requests.push(request);
      const { name } = request.link;
      return {
        name: `endpoint ${name}`,
        prepare: async () => {
          const device = {
            kind: "net",
            id: name,
            hardwareAddress: "",
            tapFds: [],
            queueSize: 1,
            vhost: false,
          } as const;
          return { device, interface: request.link.guest };
        },
        cleanup: async () => void told.push(`cleanup ${name}`),
      };
    },
  };
  const agent = new FakeAgent();
  agent.capabilities.network = {
    updateInterface: async (wanted) => {
      told.push(`interface ${wanted.name}`);
      return wanted;
    },
    updateRoutes: async (routes) => routes,
    addNeighbors: async () => undefined,
    listInterfaces: async () => [],
    listRoutes: async () => [],
    getIpTables: async () => new Uint8Array(),
    setIpTables: async () => new Uint8Array(),
  };
  const parts: PodNetworkParts = {
    source: {
      name: sourceName,
      namespace: "/run/netns/pod",
      open: () => void told.push("open"),
      read: found,
      close: () => void told.push("close"),
    },
    model: { name: "none", attaches: true, join: async () => [], part: async () => undefined },
    drivers: [driver],
    settings: { queuePairs: 1, vhost: false, rates: {} },
    hypervisor: {
      addDevice: async ({ id }: Device) => {
        told.push(`add ${id}`);
        return { id, guestLocator: `0${told.length}` };
      },
      removeDevice: async (id: string) => void told.push(`remove ${id}`),
    },
    agent,
  };
  return { network: new PodNetwork(parts), told, requests };
}

const nothing = { routes: [], neighbors: [] };

describe("a pod's network that is adopted", () => {
  async function kept(): Promise<unknown> {
    const { network } = networkOf(() => ({ links: [link("eth0", 2), link("eth1", 3)], ...nothing }));
    await network.prepare(never);
    await network.attach();
    return JSON.parse(JSON.stringify(network.state())) as unknown;
  }

  it("is followed from where it was: what is there is left alone, what comes and goes is not", async () => {
    let links = [link("eth0", 2), link("eth1", 3)];
    const { network, told, requests } = networkOf(() => ({ links, ...nothing }));
    await network.adopt(await kept());
    expect(network.links).to.deep.equal(["eth0", "eth1"]);
    expect(await network.update(never)).to.equal(false);
    expect(told.splice(0)).to.deep.equal(["open"]);
    links = [link("eth1", 3), link("eth2", 4)];
    expect(await network.update(never)).to.equal(true);
    expect(told.splice(0)).to.deep.equal(["remove eth0", "cleanup eth0", "add eth2", "interface eth2"]);
    expect(requests.map(({ index }) => index)).to.deep.equal([0, 1, 2]);
    await network.cleanup();
    expect(told).to.deep.equal(["cleanup eth2", "cleanup eth1", "close"]);
  });

  it("is not looked for elsewhere than it was found", async () => {
    const { network, told } = networkOf(() => ({ links: [], ...nothing }), "/run/netns/other");
    const error = await network.adopt(await kept()).catch((failure: unknown) => failure);
    expect(error).to.include({ code: "KATA_RECOVER_PART" });
    expect(String(error)).to.include("it was found in /run/netns/pod, and would be looked for in /run/netns/other now");
    expect(told).to.deep.equal([]);
  });

  it("needs the plugins that its endpoints were made by", async () => {
    const { network } = networkOf(() => ({ links: [], ...nothing }));
    const state = (await kept()) as { attached: object[] };
    const attached = state.attached.map((one) => ({ ...one, driver: "gone" }));
    const error = await network.adopt({ ...state, attached }).catch((failure: unknown) => failure);
    expect(String(error)).to.include('its endpoint was made by the plugin "gone", which is not there');
  });

  it("is refused when its state is not one", async () => {
    const state = (await kept()) as { attached: { link: object }[] };
    const [one] = state.attached;
    const wrong = [
      { made: -1 },
      { told: {} },
      { attached: {} },
      { attached: [{ ...one, driver: 1 }] },
      ...["../x", "a/b", "..", "", "sixteen-bytes-xx"].map((name) => ({
        attached: [{ ...one, link: { ...one?.link, name } }],
      })),
    ];
    const refused = (value: unknown) =>
      expect(() => parsePodNetwork(value, "/run/netns/pod"))
        .to.throw()
        .that.satisfies((error: unknown) => codeOf(error) === "KATA_RECOVER_PART");
    for (const more of wrong) refused({ ...state, ...more });
    fc.assert(fc.property(fc.jsonValue(), (value) => void refused(value)));
  });
});
