import type { Disk, DiskMount, DiskRequest, Disks } from "../core/contracts/disks.js";

/** Disks of no machine: they note what is asked of them and how many were given back. */
export class FakeDisks implements Disks {
  readonly added: DiskRequest[] = [];
  /** Those that were not given back. */
  readonly held: DiskRequest[] = [];
  /** Sizes in bytes that were asked for, by path. */
  readonly grown: [path: string, bytes: number][] = [];
  released = 0;

  async add(request: DiskRequest): Promise<Disk> {
    this.added.push(request);
    this.held.push(request);
    const release = async (): Promise<void> => {
      const at = this.held.indexOf(request);
      if (at < 0) return;
      this.held.splice(at, 1);
      this.released++;
    };
    return {
      storage: (mount: DiskMount) => ({ driver: "blk", source: "02", ...mount }),
      device: (containerPath: string) => ({ id: "02", type: "blk", vmPath: "", containerPath, options: [] }),
      grow: async (bytes: number) => void this.grown.push([request.path, bytes]),
      release,
    };
  }
}
