import type { Disk } from "../contracts/disks.js";
import type { Resource } from "../contracts/resource.js";

/**
 * A resource that is a disk of the machine, which `prepare` adds: an adopted one finds it there, and it goes when the guest
 * has unmounted it with its container. Where the guest is gone the machine is, and its disks with it.
 */
export abstract class DiskResource<Contribution> implements Resource<Contribution> {
  abstract readonly name: string;
  protected disk: Disk | undefined;

  abstract prepare(): Promise<Contribution>;

  async adopt(): Promise<void> {
    await this.prepare();
  }

  async detach(): Promise<void> {
    await this.disk?.release();
  }

  cleanup(): Promise<void> {
    return Promise.resolve();
  }
}
