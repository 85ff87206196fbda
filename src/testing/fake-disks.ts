import type { Disk, DiskMount, DiskRequest, Disks } from "../core/contracts/disks.js";

/** Disks of no machine: they note what is asked of them and how many were given back. */
export class FakeDisks implements Disks {
  readonly added: DiskRequest[] = [];
  released = 0;

  async add(request: DiskRequest): Promise<Disk> {
    this.added.push(request);
    return {
      storage: (mount: DiskMount) => ({ driver: "blk", source: "02", ...mount }),
      device: (containerPath: string) => ({ id: "02", type: "blk", vmPath: "", containerPath, options: [] }),
      release: async () => void this.released++,
    };
  }
}
