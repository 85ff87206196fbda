import type { Agent, AgentCapabilities } from "../../src/core/contracts/agent.js";
import type { Device } from "../../src/core/contracts/device.js";
import type { GuestInterface, GuestNeighbor, GuestRoute } from "../../src/core/contracts/guest.js";

/** A guest that notes what it is told of its network, with a machine that notes its devices. */
export class NotedGuest {
  interfaces: GuestInterface[] = [];
  routes: readonly GuestRoute[] = [];
  neighbors: readonly GuestNeighbor[] = [];
  readonly devices = new Map<string, Device>();

  readonly agent = {
    name: "noted",
    capability: <K extends keyof AgentCapabilities>(name: K) =>
      name === "network" ? (this.#network as unknown as AgentCapabilities[K]) : undefined,
  } as Pick<Agent, "name" | "capability">;

  /** What happens while the machine takes a device, or the guest sets up an interface. */
  meanwhile: { readonly addDevice?: () => void; readonly updateInterface?: () => void } = {};

  readonly hypervisor = {
    addDevice: async (device: Device) => {
      this.meanwhile.addDevice?.();
      this.devices.set(device.id, device);
      return { id: device.id, guestLocator: `0${this.devices.size}` };
    },
    removeDevice: async (id: string) => void this.devices.delete(id),
  };

  readonly #network: Pick<AgentCapabilities["network"], "updateInterface" | "updateRoutes" | "addNeighbors"> = {
    updateInterface: async (wanted) => {
      this.meanwhile.updateInterface?.();
      this.interfaces.push(wanted);
      return wanted;
    },
    updateRoutes: async (routes) => (this.routes = routes),
    addNeighbors: async (neighbors) => void (this.neighbors = neighbors),
  };
}
