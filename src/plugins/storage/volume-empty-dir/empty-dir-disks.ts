import { createHash } from "node:crypto";
import type { Disk, Disks } from "../../../core/contracts/disks.js";
import type { GuestStorage } from "../../../core/contracts/guest.js";
import type { Scope } from "../../../core/scope.js";
import { type DiskFileParts, makeDiskFile, removeDiskFile } from "./make-disk-file.js";

/** What it works with; `scope` ends with the sandbox. */
export interface EmptyDirParts extends DiskFileParts {
  readonly scope: Pick<Scope, "defer">;
}

/** A volume that is a disk of the machine. */
interface Held {
  readonly disk: Disk;
  /** By which the machine has opened its file. */
  readonly path: string;
}

/** Where the guest has disks of volumes, as in Kata. */
const guestDirectory = "/run/kata-containers/sandbox/storage";

/**
 * The disks of a machine that are volumes which begin empty. One is made for the first container that has the volume and
 * stays, whatever containers come and go, until the sandbox ends: what was written is there for the next one. The file goes
 * with the sandbox.
 */
export class EmptyDirDisks {
  static readonly #ofMachines = new WeakMap<Disks, EmptyDirDisks>();
  readonly #disks: Disks;
  readonly #parts: EmptyDirParts;
  readonly #held = new Map<string, Promise<Held>>();

  private constructor(disks: Disks, parts: EmptyDirParts) {
    this.#disks = disks;
    this.#parts = parts;
  }

  /** Those of the machine that `disks` are of. */
  static of(disks: Disks, parts: EmptyDirParts): EmptyDirDisks {
    const there = EmptyDirDisks.#ofMachines.get(disks) ?? new EmptyDirDisks(disks, parts);
    EmptyDirDisks.#ofMachines.set(disks, there);
    return there;
  }

  /** The storage by which the guest mounts the volume at `source`, and what `adopt` needs to know of it. */
  async hold(source: string): Promise<{ readonly storage: GuestStorage; readonly path: string }> {
    const { disk, path } = await this.#once(source, () => this.#make(source));
    // Paths of hosts may be longer than names in the guest.
    const name = createHash("sha256").update(source).digest("hex").slice(0, 32);
    // What is deleted in the guest is given back to the host's file system.
    const mount = {
      fstype: "ext4",
      options: ["discard", "rw"],
      mountPoint: `${guestDirectory}/${name}`,
    };
    return { storage: { ...disk.storage(mount), shared: true }, path };
  }

  /** The machine, which is adopted, has the volume's disk by this path. */
  async adopt(source: string, path: string): Promise<void> {
    await this.#once(source, () => this.#add(source, path));
  }

  #once(source: string, make: () => Promise<Held>): Promise<Held> {
    const there = this.#held.get(source);
    if (there !== undefined) return there;
    const made = make().catch((error: unknown) => {
      // The next container may have more luck.
      this.#held.delete(source);
      throw error;
    });
    this.#held.set(source, made);
    return made;
  }

  async #make(source: string): Promise<Held> {
    const { sys, record, scope } = this.#parts;
    const { fd, path } = await makeDiskFile(this.#parts, source);
    try {
      // By its descriptor: whoever has the directory otherwise, by a subPath say, may put another file in its place.
      const held = await this.#add(source, `/proc/${process.pid}/fd/${fd}`);
      // A machine that does not run yet opens it when it starts.
      scope.defer(`the disk of ${source}`, async () => {
        sys.descriptors.close(fd);
        await removeDiskFile(record, path);
      });
      return held;
    } catch (error) {
      sys.descriptors.close(fd);
      await removeDiskFile(record, path);
      throw error;
    }
  }

  async #add(source: string, path: string): Promise<Held> {
    return {
      disk: await this.#disks.add({
        purpose: `the volume ${source}`,
        path,
        readOnly: false,
      }),
      path,
    };
  }
}
