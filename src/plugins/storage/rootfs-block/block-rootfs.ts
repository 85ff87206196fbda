import { realpathSync, statSync } from "node:fs";
import type { ContainerdMount, Rootfs, RootfsContribution, RootfsRequest } from "../../../core/contracts/rootfs.js";
import { DiskResource } from "../../../core/disks/disk-resource.js";
import { messageOf } from "../../../core/errors/error.js";
import { blockRootfsErrors } from "./errors.js";

/** Options that are for the host, or for `mount(8)`, and say nothing to the guest's kernel. */
const hostOptions = new Set(["loop", "rw", "ro"]);

/**
 * A root file system that is a disk of the machine: a block device, or an image in a file, which needs no loop device. The
 * guest mounts it at `/run/kata-containers/<container>/rootfs`; the host never looks at it.
 *
 * A disk that is not to be written to (`ro`) is so for the machine too. One of a container whose root alone is read-only is
 * not: the guest has to make mount points in it first, and makes it read-only after.
 */
export class BlockRootfs extends DiskResource<RootfsContribution> implements Rootfs {
  readonly name: string;
  readonly #request: RootfsRequest;

  constructor(request: RootfsRequest) {
    super();
    this.name = `rootfs of ${request.containerId}`;
    this.#request = request;
  }

  async prepare(): Promise<RootfsContribution> {
    const { containerId, mounts, disks } = this.#request;
    const [mount] = mounts;
    if (mount === undefined || disks === undefined) throw new Error(`${this.name} is no disk`);
    const { type: fstype, options } = mount;
    const readOnly = options.findLast((option) => option === "ro" || option === "rw") === "ro";
    const path = this.#pathOf(mount);
    this.disk = await disks.add({ purpose: `the root file system of "${containerId}"`, path, readOnly });
    const mountPoint = `/run/kata-containers/${containerId}/rootfs`;
    const guestOptions = [...options.filter((option) => !hostOptions.has(option)), readOnly ? "ro" : "rw"];
    // Snapshots of one image have the same UUID, which XFS mounts once only.
    if (fstype === "xfs" && !guestOptions.includes("nouuid")) guestOptions.push("nouuid");
    return {
      guestPath: mountPoint,
      storages: [this.disk.storage({ fstype, options: guestOptions, mountPoint })],
    };
  }

  /** What it is behind all links: /dev/mapper has those. */
  #pathOf({ type, source }: ContainerdMount): string {
    const refuse = (problem: string, cause?: unknown): Error =>
      blockRootfsErrors.KATA_ROOTFS_DISK({ container: this.#request.containerId, type, source, problem }, { cause });
    let path: string;
    try {
      path = realpathSync(source);
    } catch (error) {
      throw refuse(messageOf(error), error);
    }
    const stat = statSync(path);
    if (!stat.isBlockDevice() && !stat.isFile()) throw refuse("that is neither a block device nor a file");
    if (stat.isFile() && stat.size === 0) throw refuse("that file is empty");
    return path;
  }
}
