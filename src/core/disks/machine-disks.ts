import { setTimeout as sleep } from "node:timers/promises";
import type { BlockDriver } from "../contracts/block-driver.js";
import type { Disk, DiskMount, DiskRequest, Disks } from "../contracts/disks.js";
import type { GuestDevice, GuestStorage } from "../contracts/guest.js";
import type { Hypervisor } from "../contracts/hypervisor.js";
import { stateErrors } from "../sandbox/state-errors.js";
import type { DisksState, DiskState } from "../sandbox/state.js";
import { diskIdentity } from "./disk-identity.js";
import { diskErrors } from "./errors.js";
import { growDisk } from "./grow-disk.js";

/** What disks are plugged into, and how. */
export interface MachineDisksParts {
  readonly hypervisor: Pick<Hypervisor, "name" | "addDevice" | "removeDevice" | "exited" | "capability">;
  /** The block driver that configuration chooses: asked for with the first disk, so that nobody needs one who has none. */
  readonly driver: () => Promise<BlockDriver>;
}

/** How long it may take, in milliseconds, until it is known of a machine that does not answer that it has ended. */
const endMs = 1000;

/** `Disks` of a machine. */
export class MachineDisks implements Disks {
  readonly #parts: MachineDisksParts;
  #driver: Promise<BlockDriver> | undefined;
  #booting: Promise<unknown> | undefined;
  readonly #there = new Map<string, DiskState>();
  /** While the machine is being adopted: its disks that nobody has asked for again. */
  #unclaimed: DiskState[] | undefined;
  #made = 0;
  #gone = false;

  constructor(parts: MachineDisksParts) {
    this.#parts = parts;
    void parts.hypervisor.exited.then(() => (this.#gone = true));
  }

  /** What `adopt` needs to know. */
  state(): DisksState {
    return { made: this.#made, there: [...this.#there.values()] };
  }

  /** The machine was adopted: until `adopted` a disk that is added is one that it has, and not plugged in. */
  adopt({ made, there }: DisksState): void {
    this.#made = made;
    this.#unclaimed = [...there];
  }

  /** Whoever had a disk has added it again. One that nobody wants stays until the machine ends. */
  adopted(): void {
    this.#unclaimed = undefined;
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
    const claimed = this.#unclaimed && this.#claim(this.#unclaimed, purpose, path, readOnly);
    const { id, guestLocator } =
      claimed ?? (await hypervisor.addDevice(driver.device(`disk${this.#made++}`, path, readOnly)));
    let releasing: Promise<void> | undefined;
    const release = (): Promise<void> => {
      releasing ??= this.#remove(id).catch((error: unknown) => {
        // The machine has it still, and may be asked for it again.
        releasing = undefined;
        throw error;
      });
      return releasing;
    };
    if (guestLocator === undefined) {
      await release();
      throw diskErrors.KATA_DISK_NOWHERE({ purpose, path, hypervisor: hypervisor.name });
    }
    const identity = claimed?.identity ?? diskIdentity(path);
    this.#there.set(id, { id, path, readOnly, guestLocator, ...(identity !== undefined && { identity }) });
    const storage = (mount: DiskMount): GuestStorage => driver.storage(guestLocator, mount);
    const grow = (bytes: number): Promise<void> => growDisk(hypervisor, { id, path, readOnly }, bytes);
    return { storage, device: (containerPath) => guestDevice(containerPath, storage), grow, release };
  }

  async #remove(id: string): Promise<void> {
    await this.#booting?.catch(() => undefined);
    const { hypervisor } = this.#parts;
    try {
      if (!this.#gone) await hypervisor.removeDevice(id);
    } catch (error) {
      // A machine that ends meanwhile answers with an error first, and has taken its disks with it.
      await Promise.race([hypervisor.exited, sleep(endMs, undefined, { ref: false })]);
      if (!this.#gone) throw error;
    }
    this.#there.delete(id);
  }

  #claim(unclaimed: DiskState[], purpose: string, path: string, readOnly: boolean): DiskState {
    const index = unclaimed.findIndex((one) => one.path === path && one.readOnly === readOnly);
    const [claimed] = index === -1 ? [] : unclaimed.splice(index, 1);
    const refuse = (problem: string): Error => stateErrors.KATA_RECOVER_PART({ what: purpose, problem });
    if (claimed === undefined) throw refuse(`the machine has no disk of ${path}`);
    const there = diskIdentity(path);
    // Whoever looks at the path from now on would take something else for what the guest has.
    if (claimed.identity === undefined || claimed.identity === there) return claimed;
    throw refuse(there === undefined ? `${path} is gone` : `${path} is not any more what the machine has as its disk`);
  }
}

/** The agent finds a device as it finds the disk of a storage, and has the same names for the ways to. */
function guestDevice(containerPath: string, storage: (mount: DiskMount) => GuestStorage): GuestDevice {
  const { driver: type, source } = storage({ fstype: "bind", options: [], mountPoint: "" });
  return { id: source, type, vmPath: source.startsWith("/") ? source : "", containerPath, options: [] };
}
