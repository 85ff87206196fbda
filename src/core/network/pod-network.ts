import type { Agent, AgentCapabilities } from "../contracts/agent.js";
import type { AttachedDevice } from "../contracts/device.js";
import type {
  Endpoint,
  EndpointContribution,
  EndpointDriver,
  EndpointRequest,
  LinkInfo,
} from "../contracts/endpoint.js";
import type { GuestInterface } from "../contracts/guest.js";
import type { Hypervisor } from "../contracts/hypervisor.js";
import type { NetworkModel } from "../contracts/network-model.js";
import type { Resource } from "../contracts/resource.js";
import { mostSpecific } from "../plugin/match.js";
import type { LinkWatch } from "../sys/netlink.js";
import type { CardSettings } from "./card-settings.js";
import { networkErrors } from "./errors.js";
import { type KeptLink, noDriver, parsePodNetwork, type PodNetworkKept } from "./pod-network-kept.js";
import type { PodNetworkSource, PodNetworkState, SourceEvents } from "./pod-network-source.js";

/** What a pod's network is made with. */
export interface PodNetworkParts {
  /** Opened by `prepare` and closed by `cleanup`. */
  readonly source: PodNetworkSource;
  readonly model: NetworkModel;
  readonly drivers: readonly EndpointDriver[];
  readonly settings: CardSettings;
  readonly hypervisor: Pick<Hypervisor, "addDevice" | "removeDevice">;
  readonly agent: Pick<Agent, "name" | "capability">;
}

/** Entries of each queue of a card that nobody says more of, as in Kata. */
const usualQueueSize = 256;

/** A link of the pod that the machine has a card for. */
interface Attached extends KeptLink {
  link: LinkInfo;
  readonly endpoint: Endpoint;
  id: string;
  interface: GuestInterface;
  isTaken: boolean;
  told: boolean;
}

/**
 * The interfaces of a pod, as one resource of the sandbox: `prepare` reads its network's source, makes an endpoint of each
 * link and gives its device to the hypervisor, `attach` has the guest set them up, `update` does both for what has changed
 * since. `cleanup` leaves the namespace as it was found.
 */
export class PodNetwork implements Resource<void> {
  readonly name = "network";
  readonly #parts: PodNetworkParts;
  #attached: Attached[] = [];
  #made = 0;
  #told: PodNetworkState = { links: [], routes: [], neighbors: [] };
  /** What the namespace was like when it could last not be followed. */
  #refused: string | undefined;

  constructor(parts: PodNetworkParts) {
    this.#parts = parts;
  }

  /** Names of the pod's links that the machine has a card for. */
  get links(): string[] {
    return this.#attached.map(({ link }) => link.name);
  }

  async prepare(signal: AbortSignal): Promise<void> {
    const { source } = this.#parts;
    source.open();
    this.#told = source.read();
    for (const link of this.#told.links) await this.#add(link, signal);
  }

  state(): PodNetworkKept {
    const attached = this.#attached.map(({ endpoint: _endpoint, ...rest }) => rest);
    return { source: this.#parts.source.name, made: this.#made, told: this.#told, attached };
  }

  /**
   * Takes over the links that another process has given to the machine, and follows the namespace from there. What an endpoint
   * that is made anew does not undo is undone as the sandbox's record has it.
   */
  async adopt(state: unknown): Promise<void> {
    const { source, drivers } = this.#parts;
    const { made, told, attached } = parsePodNetwork(state, source.name);
    source.open();
    for (const { driver: name, ...one } of attached) {
      const driver = drivers.find((known) => known.name === name);
      if (driver === undefined) throw noDriver(one.link.name, name);
      const endpoint = driver.create(this.#request(one.link, one.index));
      this.#attached.push({ ...one, driver: name, endpoint });
    }
    [this.#made, this.#told] = [made, told];
  }

  async attach(): Promise<void> {
    if (this.#attached.length > 0) await this.#tellGuest(this.#attached, this.#told);
  }

  /**
   * Adds the links that have come since the last look, removes those that are gone, and tells of other addresses and
   * routes: all that can be. Says whether there were any. What failed is tried again once the namespace has changed:
   * trying it changes nothing that is looked at.
   */
  async update(signal: AbortSignal): Promise<boolean> {
    const found = this.#withTaken(this.#parts.source.read());
    const state = JSON.stringify(found);
    if (state === this.#refused) return false;
    this.#refused = undefined;
    try {
      return await this.#follow(found, signal);
    } catch (error) {
      this.#refused = state;
      throw error;
    }
  }

  /** Calls back when the source has changed; undefined when that never does. To be closed before `cleanup`. */
  watch(events: SourceEvents): LinkWatch | undefined {
    return this.#parts.source.watch?.(events);
  }

  async cleanup(): Promise<void> {
    const errors: unknown[] = [];
    const ended = this.#attached.toReversed();
    this.#attached = [];
    for (const { endpoint } of ended) await endpoint.cleanup().catch((error: unknown) => errors.push(error));
    this.#parts.source.close();
    if (errors.length > 0) throw new AggregateError(errors, "giving the pod's network back");
  }

  async #follow(found: PodNetworkState, signal: AbortSignal): Promise<boolean> {
    const errors: unknown[] = [];
    const failed = (error: unknown): void => void errors.push(error);
    const gone = this.#attached.filter(
      ({ link, isTaken }) => !isTaken && !found.links.some((one) => sameLink(one, link)),
    );
    const come = found.links.filter((one) => !this.#attached.some(({ link }) => sameLink(one, link)));
    for (const one of gone) await this.#remove(one).catch(failed);
    for (const link of come) await this.#add(link, signal).catch(failed);
    for (const link of found.links) this.#renew(link);
    const untold = this.#attached.filter(({ told }) => !told);
    const changed = untold.length > 0 || gone.length > 0 || !sameRoutes(found, this.#told);
    if (changed) await this.#tellGuest(untold, found).then(() => (this.#told = found), failed);
    if (errors.length > 1) throw new AggregateError(errors, "following the pod's network");
    if (errors.length === 1) throw errors[0];
    return changed;
  }

  /** What was found, with what goes through links that the machine has taken whole. */
  #withTaken({ links, routes, neighbors }: PodNetworkState): PodNetworkState {
    const names = this.#attached.filter(({ isTaken }) => isTaken).map(({ interface: { name } }) => name);
    const isTaken = ({ device }: { readonly device: string }) => names.includes(device);
    return {
      links,
      routes: [...this.#told.routes.filter(isTaken), ...routes],
      neighbors: [...this.#told.neighbors.filter(isTaken), ...neighbors],
    };
  }

  async #add(link: LinkInfo, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { drivers, source, hypervisor } = this.#parts;
    const describe = () => `the link "${link.name}" of kind "${link.kind}"${tunType(link)} in ${source.name}`;
    const driver = mostSpecific("endpoint", drivers, (one) => one.match(link), describe);
    const index = this.#made++;
    const endpoint = driver.create(this.#request(link, index));
    const own = { driver: driver.name, index, id: "", interface: link.guest, isTaken: false, told: false };
    const attached: Attached = { link, endpoint, ...own };
    this.#attached.push(attached);
    try {
      const contribution = await endpoint.prepare(signal);
      const device = await hypervisor.addDevice(contribution.device).catch((cause: unknown) => {
        const { name, kind } = link;
        const links = this.#attached.length;
        throw networkErrors.KATA_NETWORK_CARD({ link: name, kind, namespace: source.name, links }, { cause });
      });
      attached.id = device.id;
      attached.interface = guestInterface(contribution, device);
      attached.isTaken = contribution.takesLink ?? false;
    } catch (error) {
      this.#attached = this.#attached.filter((one) => one !== attached);
      throw await undone(endpoint, error);
    }
  }

  #request(link: LinkInfo, index: number): EndpointRequest {
    const { source, model, settings } = this.#parts;
    const { queuePairs = settings.queuePairs, queueSize = usualQueueSize } = link.card ?? {};
    return { link, namespace: source.namespace, model, index, ...settings, queuePairs, queueSize };
  }

  /** Notes other addresses, or another size, of a link that has its card. */
  #renew(link: LinkInfo): void {
    const attached = this.#attached.find((one) => sameLink(one.link, link));
    if (attached === undefined || JSON.stringify(attached.link.guest) === JSON.stringify(link.guest)) return;
    const { addresses, mtu } = link.guest;
    attached.link = link;
    attached.interface = { ...attached.interface, addresses, mtu };
    attached.told = false;
  }

  async #remove(attached: Attached): Promise<void> {
    await this.#parts.hypervisor.removeDevice(attached.id);
    this.#attached = this.#attached.filter((one) => one !== attached);
    await attached.endpoint.cleanup();
  }

  async #tellGuest(attached: readonly Attached[], { routes, neighbors }: PodNetworkState): Promise<void> {
    const network = this.#guestNetwork();
    for (const one of attached) {
      await network.updateInterface(one.interface);
      one.told = true;
    }
    const there = new Set(this.#attached.map(({ interface: { name } }) => name));
    const known = neighbors.filter(({ device }) => there.has(device));
    if (known.length > 0) await network.addNeighbors(known);
    await network.updateRoutes(routes.filter(({ device }) => there.has(device)));
  }

  #guestNetwork(): AgentCapabilities["network"] {
    const { agent } = this.#parts;
    const network = agent.capability("network");
    if (network !== undefined) return network;
    throw networkErrors.KATA_NETWORK_NO_AGENT({ agent: agent.name, links: this.links });
  }
}

/** Cleans up after an endpoint that failed: the error, with that of the cleanup when there is one. */
const undone = async (endpoint: Endpoint, error: unknown): Promise<unknown> =>
  endpoint.cleanup().then(
    () => error,
    (left: unknown) => new AggregateError([error, left], `${endpoint.name} failed, and could not be undone`),
  );

/** What the guest is told of a card: where it is plugged, which tells cards apart that share a hardware address. */
const guestInterface = (contribution: EndpointContribution, device: AttachedDevice): GuestInterface => ({
  ...contribution.interface,
  ...(device.guestLocator !== undefined && { devicePath: device.guestLocator }),
});

/** What tells a tap from a tun, which are one kind. */
const tunType = ({ details: { tun } }: LinkInfo): string => (tun === undefined ? "" : ` and type "${tun.type}"`);

/** A link that was made anew under the same name is another one, and so is one whose card would have another address. */
const sameLink = (one: LinkInfo, other: LinkInfo): boolean =>
  one.index === other.index && one.name === other.name && one.hardwareAddress === other.hardwareAddress;

const sameRoutes = (one: PodNetworkState, other: PodNetworkState): boolean =>
  JSON.stringify([one.routes, one.neighbors]) === JSON.stringify([other.routes, other.neighbors]);
