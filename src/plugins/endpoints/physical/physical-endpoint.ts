import type { Endpoint, EndpointContribution, EndpointRequest } from "../../../core/contracts/endpoint.js";
import { networkErrors } from "../../../core/network/errors.js";
import { isPciAddress } from "../../../core/network/pci-address.js";
import { assertPassable, bindDriver, driverOf, passThroughDriver } from "../../../core/network/pci-driver.js";
import { giveBack, type TakenDevice } from "../../../core/network/taken-device.js";
import type { SandboxRecord } from "../../../core/sandbox/record.js";
import type { Sys } from "../../../core/sys/sys.js";

/** What the endpoint is made with. */
export interface PhysicalParts {
  readonly sys: Pick<Sys, "files" | "netlink">;
  readonly record: SandboxRecord;
  /** Where sysfs is mounted; another tree for a test. */
  readonly sysfs?: string;
}

/**
 * A PCI device that is taken from its driver and given to the guest whole; its link is gone from the namespace meanwhile.
 * `cleanup` gives both back. Addresses and routes that the link had were the pod's, and are not set again.
 */
export class PhysicalEndpoint implements Endpoint {
  readonly name: string;
  readonly #request: EndpointRequest;
  readonly #parts: PhysicalParts;
  #taken: TakenDevice | undefined;

  constructor(request: EndpointRequest, parts: PhysicalParts) {
    this.name = `endpoint ${request.link.name}`;
    this.#request = request;
    this.#parts = parts;
  }

  async prepare(): Promise<EndpointContribution> {
    const { link, namespace } = this.#request;
    const { name, kind, pciAddress: address = "" } = link;
    try {
      if (!isPciAddress(address)) throw networkErrors.KATA_NETWORK_NO_PCI({ link: name, address });
      assertPassable(address, this.#parts.sysfs);
      this.#take(address);
    } catch (cause) {
      throw networkErrors.KATA_NETWORK_ENDPOINT({ link: name, kind, namespace }, { cause });
    }
    return { device: { kind: "vfio", id: name, address }, interface: link.guest, takesLink: true };
  }

  async cleanup(): Promise<void> {
    const taken = this.#taken;
    if (taken === undefined) return;
    await giveBack(this.#parts.sys, taken, this.#parts.sysfs);
    this.#taken = undefined;
    this.#parts.record.forgetNetwork(taken);
  }

  #take(device: string): void {
    const { sys, record, sysfs } = this.#parts;
    const { link, namespace } = this.#request;
    const { name, alias } = link;
    const driver = driverOf(device, sysfs);
    const taken = {
      kind: "driver",
      device,
      driver,
      place: { namespace, name, ...(alias !== undefined && { alias }) },
    } as const;
    record.network(taken);
    this.#taken = taken;
    bindDriver(sys.files, device, passThroughDriver, sysfs);
    const now = driverOf(device, sysfs);
    if (now !== passThroughDriver) {
      throw networkErrors.KATA_NETWORK_DRIVER({ device, driver: now, wanted: passThroughDriver });
    }
  }
}
