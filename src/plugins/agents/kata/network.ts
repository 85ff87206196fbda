import type { AgentCapabilities } from "../../../core/contracts/agent.js";
import type { GuestAddressing, GuestInterface, GuestNeighbor, GuestRoute } from "../../../core/contracts/guest.js";
import { type ARPNeighbor, type Interface, IPFamily, type Route } from "../../../core/proto/gen/kata/types.js";
import type { AgentCalls } from "./calls.js";

/** The guest's network, as the capability `network` has it. */
export function networkCapability(calls: AgentCalls): AgentCapabilities["network"] {
  return {
    async updateInterface(wanted) {
      const subject = `the guest's interface "${wanted.name}"`;
      return fromInterface(
        await calls.request(subject, (agent, options) =>
          agent.updateInterface({ interface: toInterface(wanted) }, options),
        ),
      );
    },
    async updateRoutes(routes) {
      const request = { routes: { Routes: routes.map(toRoute) } };
      const answer = await calls.request("the guest's routes", (agent, options) =>
        agent.updateRoutes(request, options),
      );
      return answer.Routes.map(fromRoute);
    },
    async addNeighbors(neighbors) {
      const request = { neighbors: { ARPNeighbors: neighbors.map(toNeighbor) } };
      await calls.request("the guest's neighbours", (agent, options) => agent.addARPNeighbors(request, options));
    },
    async listInterfaces() {
      const answer = await calls.request("", (agent, options) => agent.listInterfaces({}, options));
      return answer.Interfaces.map(fromInterface);
    },
    async listRoutes() {
      const answer = await calls.request("", (agent, options) => agent.listRoutes({}, options));
      return answer.Routes.map(fromRoute);
    },
    async getIpTables(isIpv6) {
      return (await calls.request("", (agent, options) => agent.getIPTables({ isIpv6 }, options))).data;
    },
    async setIpTables(isIpv6, data) {
      return (await calls.request("", (agent, options) => agent.setIPTables({ isIpv6, data }, options))).data;
    },
  };
}

const toFamily = (family: GuestAddressing["family"]): IPFamily => (family === "ipv6" ? IPFamily.v6 : IPFamily.v4);
const fromFamily = (family: IPFamily): GuestAddressing["family"] => (family === IPFamily.v6 ? "ipv6" : "ipv4");

function toInterface(wanted: GuestInterface): Interface {
  return {
    device: wanted.device,
    name: wanted.name,
    IPAddresses: wanted.addresses.map(({ family, address, prefix }) => ({
      family: toFamily(family),
      address,
      mask: String(prefix),
    })),
    mtu: BigInt(wanted.mtu),
    hwAddr: wanted.hardwareAddress,
    devicePath: wanted.devicePath ?? "",
    type: wanted.type ?? "",
    rawFlags: wanted.flags ?? 0,
  };
}

function fromInterface(found: Interface): GuestInterface {
  return {
    device: found.device,
    name: found.name,
    addresses: found.IPAddresses.map(({ family, address, mask }) => ({
      family: fromFamily(family),
      address,
      prefix: Number(mask),
    })),
    mtu: Number(found.mtu),
    hardwareAddress: found.hwAddr,
    ...(found.devicePath !== "" && { devicePath: found.devicePath }),
    ...(found.type !== "" && { type: found.type }),
    flags: found.rawFlags,
  };
}

function toRoute(route: GuestRoute): Route {
  return {
    dest: route.destination,
    gateway: route.gateway ?? "",
    device: route.device,
    source: route.source ?? "",
    scope: route.scope ?? 0,
    family: toFamily(route.family),
    flags: route.flags ?? 0,
    mtu: route.mtu ?? 0,
  };
}

function fromRoute(route: Route): GuestRoute {
  return {
    destination: route.dest,
    ...(route.gateway !== "" && { gateway: route.gateway }),
    device: route.device,
    ...(route.source !== "" && { source: route.source }),
    scope: route.scope,
    family: fromFamily(route.family),
    flags: route.flags,
    ...(route.mtu !== 0 && { mtu: route.mtu }),
  };
}

function toNeighbor(neighbor: GuestNeighbor): ARPNeighbor {
  const { family, address, prefix } = neighbor.address;
  return {
    toIPAddress: { family: toFamily(family), address, mask: String(prefix) },
    device: neighbor.device,
    lladdr: neighbor.hardwareAddress,
    state: neighbor.state,
    flags: neighbor.flags,
  };
}
