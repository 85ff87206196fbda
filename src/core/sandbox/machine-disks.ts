import type { BlockDriver } from "../contracts/block-driver.js";
import type { Disk, DiskMount, DiskRequest, Disks } from "../contracts/disks.js";
import type { GuestDevice, GuestStorage } from "../contracts/guest.js";
import type { Hypervisor } from "../contracts/hypervisor.js";
import { sandboxErrors } from "./errors.js";

/** What disks are plugged into, and how. */
export interface MachineDisksParts {
  readonly hypervisor: Pick<Hypervisor, "name" | "addDevice" | "removeDevice" | "exited">;
  /** The block driver that configuration chooses: asked for with the first disk, so that nobody needs one who has none. */
  readonly driver: () => Promise<BlockDriver>;
}

/** `Disks` of a machine. */
export class MachineDisks implements Disks {
  readonly #parts: MachineDisksParts;
  #driver: Promise<BlockDriver> | undefined;
  #booting: Promise<unknown> | undefined;
  #made = 0;
  #gone = false;

  constructor(parts: MachineDisksParts) {
    this.#parts = parts;
    void parts.hypervisor.exited.then(() => (this.#gone = true));
  }

  /** The machine is being started: until that has come to its end it takes no disks. */
  boot(booting: Promise<unknown>): void {
    this.#booting = booting;
  }

  async add({ purpose, path, readOnly }: DiskRequest): Promise<Disk> {
    const { hypervisor } = this.#parts;
    this.#driver ??= this.#parts.driver();
    const driver = await this.#driver;
    await this.#booting;
    const device = driver.device(`disk${this.#made++}`, path, readOnly);
    const { id, guestLocator } = await hypervisor.addDevice(device);
    let taken = true;
    const release = async (): Promise<void> => {
      await this.#booting?.catch(() => undefined);
      if (taken && !this.#gone) await hypervisor.removeDevice(id);
      taken = false;
    };
    if (guestLocator === undefined) {
      await release();
      throw sandboxErrors.KATA_DISK_NOWHERE({ purpose, path, hypervisor: hypervisor.name });
    }
    const storage = (mount: DiskMount): GuestStorage => driver.storage(guestLocator, mount);
    return { storage, device: (containerPath) => guestDevice(containerPath, storage), release };
  }
}

/** The agent finds a device as it finds the disk of a storage, and has the same names for the ways to. */
function guestDevice(containerPath: string, storage: (mount: DiskMount) => GuestStorage): GuestDevice {
  const { driver: type, source } = storage({ fstype: "bind", options: [], mountPoint: "" });
  return { id: source, type, vmPath: source.startsWith("/") ? source : "", containerPath, options: [] };
}
