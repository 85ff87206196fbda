import { basename } from "node:path";
import type { Disk, Disks } from "../../../core/contracts/disks.js";
import type { GuestStorage } from "../../../core/contracts/guest.js";
import { stateErrors } from "../../../core/sandbox/state-errors.js";

/** A layer that a container holds. */
export interface HeldLayer {
  /** Where the guest has it. */
  readonly mountPoint: string;
  readonly storage: GuestStorage;
  /** Lets go of it, when the guest has unmounted it for this container. Idempotent. */
  release(): Promise<void>;
}

interface Entry {
  readonly disk: Promise<Disk>;
  readonly mountPoint: string;
  users: number;
}

/** Short: an overlay names all of its layers in one page. */
const guestDirectory = "/run/kata-containers/layers";

/** The layers that a machine has: one that several containers of it use is one disk, which the guest mounts once. */
export class LayerDisks {
  static readonly #ofMachines = new WeakMap<Disks, LayerDisks>();
  readonly #disks: Disks;
  readonly #held = new Map<string, Entry>();
  /** Numbers of layers that are there already, by path, until they are held. */
  readonly #adopted = new Map<string, number>();
  #made = 0;

  private constructor(disks: Disks) {
    this.#disks = disks;
  }

  /** Those of the machine that `disks` are of. */
  static of(disks: Disks): LayerDisks {
    const there = LayerDisks.#ofMachines.get(disks) ?? new LayerDisks(disks);
    LayerDisks.#ofMachines.set(disks, there);
    return there;
  }

  /** Has the machine have the file or device at `path`, an absolute path without links. The errors of `Disks.add`. */
  async hold(path: string, purpose: string): Promise<HeldLayer> {
    const entry = this.#entry(path, purpose);
    entry.users += 1;
    let held = true;
    const letGo = (): boolean => {
      if (!held) return false;
      held = false;
      entry.users -= 1;
      // Whoever comes from now on gets a disk of its own.
      if (entry.users === 0 && this.#held.get(path) === entry) this.#held.delete(path);
      return entry.users === 0;
    };
    let disk: Disk;
    try {
      disk = await entry.disk;
    } catch (error) {
      letGo();
      throw error;
    }
    const { mountPoint } = entry;
    return {
      mountPoint,
      storage: { ...disk.storage({ fstype: "erofs", options: ["ro"], mountPoint }), shared: true },
      release: async () => {
        if (letGo()) await disk.release();
      },
    };
  }

  /** The guest of a machine that is adopted has the layers at these paths there: `hold` is to find them where they are. */
  adopt(paths: readonly string[], mountPoints: readonly unknown[]): void {
    for (const [index, path] of paths.entries()) {
      const at = mountPoints[index];
      const number = typeof at === "string" && at.startsWith(`${guestDirectory}/`) ? Number(basename(at)) : Number.NaN;
      if (!Number.isSafeInteger(number) || number < 0)
        throw stateErrors.KATA_RECOVER_PART({
          what: `the layer ${path}`,
          problem: "it is not known where the guest has it",
        });
      if (!this.#held.has(path)) this.#adopted.set(path, number);
      this.#made = Math.max(this.#made, number + 1);
    }
  }

  #entry(path: string, purpose: string): Entry {
    let entry = this.#held.get(path);
    if (entry === undefined) {
      const disk = this.#disks.add({ purpose, path, readOnly: true });
      const number = this.#adopted.get(path) ?? this.#made++;
      this.#adopted.delete(path);
      entry = { disk, mountPoint: `${guestDirectory}/${number}`, users: 0 };
      this.#held.set(path, entry);
    }
    return entry;
  }
}
