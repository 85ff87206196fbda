import type { ContainerContribution } from "../../../core/contracts/guest.js";
import type { Volume, VolumeRequest } from "../../../core/contracts/volume.js";

/** A mount that is the same in the guest; the host has nothing to do. */
export class SystemVolume implements Volume {
  readonly name: string;
  readonly #request: VolumeRequest;

  constructor(request: VolumeRequest) {
    this.name = `mount ${request.index} at ${request.mount.destination}`;
    this.#request = request;
  }

  prepare(): Promise<ContainerContribution> {
    return Promise.resolve({ mounts: [this.#request.mount] });
  }

  adopt(): Promise<void> {
    return Promise.resolve();
  }

  cleanup(): Promise<void> {
    return Promise.resolve();
  }
}
