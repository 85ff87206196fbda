import type { Endpoint, EndpointContribution, EndpointRequest } from "../../../core/contracts/endpoint.js";
import { networkErrors } from "../../../core/network/errors.js";
import { bindDriver, driverOf, isPciAddress } from "../../../core/network/pci-driver.js";
import type { SandboxRecord } from "../../../core/sandbox/record.js";

/** The driver that hands a device to a VMM. */
const passThrough = "vfio-pci";

/** What the endpoint is made with. */
export interface PhysicalParts {
  readonly record: SandboxRecord;
  /** Where sysfs is mounted; another tree for a test. */
  readonly sysfs?: string;
}

/**
 * A PCI device that is taken from its driver and given to the guest whole. `cleanup` gives it back, and with it the link,
 * which the driver makes anew in the host's own namespace.
 */
export class PhysicalEndpoint implements Endpoint {
  readonly name: string;
  readonly #request: EndpointRequest;
  readonly #parts: PhysicalParts;
  #taken: { readonly kind: "driver"; readonly device: string; readonly driver: string } | undefined;

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
      this.#take(address);
    } catch (cause) {
      throw networkErrors.KATA_NETWORK_ENDPOINT({ link: name, kind, namespace }, { cause });
    }
    return { device: { kind: "vfio", id: name, address }, interface: link.guest };
  }

  async cleanup(): Promise<void> {
    const taken = this.#taken;
    if (taken === undefined) return;
    bindDriver(taken.device, taken.driver, this.#parts.sysfs);
    this.#taken = undefined;
    this.#parts.record.forgetNetwork(taken);
  }

  #take(device: string): void {
    const { record, sysfs } = this.#parts;
    const taken = { kind: "driver", device, driver: driverOf(device, sysfs) } as const;
    record.network(taken);
    this.#taken = taken;
    bindDriver(device, passThrough, sysfs);
    const now = driverOf(device, sysfs);
    if (now !== passThrough) throw networkErrors.KATA_NETWORK_DRIVER({ device, driver: now, wanted: passThrough });
  }
}
