import type { Disk, DiskRequest, Disks } from "../contracts/disks.js";
import { diskIdentity } from "./disk-identity.js";
import { diskErrors } from "./errors.js";

/** A disk in the machine, and how many have it. */
interface Held {
  readonly request: DiskRequest;
  readonly adding: Promise<Disk>;
  users: number;
  /** Set while it is taken out: whoever wants it again waits for that. */
  leaving?: Promise<void>;
}

/**
 * Disks of which a machine has each once, however many containers ask for it: two of one file would not know of each other's
 * writes. It is taken out when the last lets go. Read-only and for writing at once is `KATA_DISK_CONFLICT`, since the device
 * is one or the other.
 */
export class DisksInCommon implements Disks {
  readonly #disks: Disks;
  readonly #held = new Map<string, Held>();

  constructor(disks: Disks) {
    this.#disks = disks;
  }

  async add(request: DiskRequest): Promise<Disk> {
    const key = diskIdentity(request.path) ?? request.path;
    for (let leaving = this.#held.get(key)?.leaving; leaving !== undefined; leaving = this.#held.get(key)?.leaving) {
      await leaving.catch(() => undefined);
    }
    const held = this.#held.get(key) ?? this.#plug(key, request);
    if (held.request.readOnly !== request.readOnly) throw conflict(held.request, request);
    held.users++;
    let disk: Disk;
    try {
      disk = await held.adding;
    } catch (error) {
      if (this.#held.get(key) === held) this.#held.delete(key);
      throw error;
    }
    let released: Promise<void> | undefined;
    return {
      storage: (mount) => disk.storage(mount),
      device: (containerPath) => disk.device(containerPath),
      grow: (bytes) => disk.grow(bytes),
      release: () => (released ??= this.#release(key, held, disk)),
    };
  }

  #plug(key: string, request: DiskRequest): Held {
    const held: Held = { request, adding: this.#disks.add(request), users: 0 };
    this.#held.set(key, held);
    return held;
  }

  async #release(key: string, held: Held, disk: Disk): Promise<void> {
    if (--held.users > 0) return;
    held.leaving = disk.release();
    try {
      await held.leaving;
    } finally {
      this.#held.delete(key);
    }
  }
}

function conflict(there: DiskRequest, wanted: DiskRequest): Error {
  const how = (readOnly: boolean): string => (readOnly ? "read-only" : "for writing");
  const parts = { path: wanted.path, purpose: wanted.purpose, first: there.purpose };
  return diskErrors.KATA_DISK_CONFLICT({ ...parts, wanted: how(wanted.readOnly), there: how(there.readOnly) });
}
