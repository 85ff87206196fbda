import type { Disk, Disks } from "../../../core/contracts/disks.js";
import type { GuestStorage } from "../../../core/contracts/guest.js";
import type { ContainerdMount, Rootfs, RootfsContribution, RootfsRequest } from "../../../core/contracts/rootfs.js";
import { messageOf } from "../../../core/errors/error.js";
import { diskFileSystems } from "../../../core/disks/disk-file-systems.js";
import { stateErrors } from "../../../core/sandbox/state-errors.js";
import { erofsRootfsErrors } from "./errors.js";
import { type HeldLayer, LayerDisks } from "./layer-disks.js";
import { eachOnce, layerFile, writableFile } from "./layer-file.js";
import { type Layers, LayersError, mostLayers, readLayers } from "./layers.js";

/**
 * A root file system of layers, each an erofs in a file: the guest mounts them, and an overlay over them. The host mounts
 * nothing, and reads no more of a layer than that it begins as one.
 *
 * What the container writes is on the disk that the snapshotter made for it, or, where it made none, in the guest's memory.
 */
export class ErofsRootfs implements Rootfs {
  readonly name: string;
  readonly #request: RootfsRequest;
  readonly #directory: string;
  readonly #held: HeldLayer[] = [];
  #writable: Disk | undefined;

  constructor(request: RootfsRequest) {
    this.name = `rootfs of ${request.containerId}`;
    this.#request = request;
    this.#directory = `/run/kata-containers/${request.containerId}`;
  }

  async prepare(signal: AbortSignal): Promise<RootfsContribution> {
    const { containerId: container, disks } = this.#request;
    if (disks === undefined) throw erofsRootfsErrors.KATA_ROOTFS_EROFS_NO_DISKS({ container });
    const layers = this.#read();
    if (layers.lower.length > mostLayers) {
      throw erofsRootfsErrors.KATA_ROOTFS_EROFS_LAYERS({ container, layers: layers.lower.length, most: mostLayers });
    }
    // All are looked at before the machine gets any.
    const paths = this.#files(layers);
    const upper = layers.upper.kind === "disk" ? await this.#upperDisk(disks, layers.upper.mount) : undefined;
    for (const path of paths) {
      signal.throwIfAborted();
      const purpose = `a layer of the root file system of "${container}"`;
      this.#held.push(await LayerDisks.of(disks).hold(path, purpose));
    }
    const below = this.#held.map(({ storage }) => storage);
    const [only, ...more] = this.#held;
    if (only !== undefined && more.length === 0 && layers.upper.kind === "none") {
      return { guestPath: only.mountPoint, storages: below };
    }
    const above = this.#upperStorages(layers, upper);
    const overlay = this.#overlay(layers);
    return { guestPath: overlay.mountPoint, storages: [...below, ...above, overlay] };
  }

  /** Where the guest has its layers, lowest first. */
  state(): unknown {
    return this.#held.map(({ mountPoint }) => mountPoint);
  }

  /** Finds its disks in the machine. */
  async adopt(state: unknown): Promise<void> {
    const { containerId: container, disks } = this.#request;
    const paths = this.#files(this.#read());
    if (disks === undefined || !Array.isArray(state) || state.length !== paths.length)
      throw stateErrors.KATA_RECOVER_PART({ what: this.name, problem: "its state is not a list of its layers" });
    LayerDisks.of(disks).adopt(paths, state);
    await this.prepare(new AbortController().signal);
    if (this.#held.some(({ mountPoint }, index) => mountPoint !== state[index]))
      throw stateErrors.KATA_RECOVER_PART({ what: `${this.name} (${container})`, problem: "its layers are elsewhere" });
  }

  /** The guest has unmounted all of it with its container. */
  async detach(): Promise<void> {
    const errors: unknown[] = [];
    const undo = [...this.#held.map((one) => () => one.release()), async () => this.#writable?.release()];
    for (const step of undo.toReversed()) await step().catch((error: unknown) => void errors.push(error));
    if (errors.length > 0) throw new AggregateError(errors, `giving back the disks of the ${this.name}`);
  }

  /** Where the guest is gone the machine is, and its disks with it. */
  cleanup(): Promise<void> {
    return Promise.resolve();
  }

  #read(): Layers {
    const { containerId: container, mounts } = this.#request;
    try {
      return readLayers(mounts);
    } catch (error) {
      if (!(error instanceof LayersError)) throw error;
      const { mount: index } = error;
      const { type = "", source = "" } = mounts[index] ?? {};
      const parts = { container, index, type, source, problem: error.message };
      throw erofsRootfsErrors.KATA_ROOTFS_EROFS_MOUNT(parts, { cause: error });
    }
  }

  /** The files of the layers, the topmost first. */
  #files({ lower }: Layers): string[] {
    return eachOnce(lower.map((index) => this.#fileOf(index, layerFile)));
  }

  /** A file that a mount names, found by `find`. */
  #fileOf(index: number, find: (source: string) => string): string {
    const { type, source } = this.#mount(index);
    try {
      return find(source);
    } catch (error) {
      const parts = { container: this.#request.containerId, index, type, source, problem: messageOf(error) };
      throw erofsRootfsErrors.KATA_ROOTFS_EROFS_LAYER(parts, { cause: error });
    }
  }

  #mount(index: number): ContainerdMount {
    const mount = this.#request.mounts[index];
    if (mount === undefined) throw new RangeError(`${this.name} has no mount ${index}`);
    return mount;
  }

  /** The disk that is written to, and how the guest mounts it. */
  async #upperDisk(disks: Disks, index: number): Promise<GuestStorage> {
    const { containerId: container } = this.#request;
    const { type, source } = this.#mount(index);
    if (!diskFileSystems.has(type)) {
      const problem = `what a container writes can be on ${[...diskFileSystems].join(", ")}, not on that`;
      throw erofsRootfsErrors.KATA_ROOTFS_EROFS_MOUNT({ container, index, type, source, problem });
    }
    const path = this.#fileOf(index, writableFile);
    this.#writable = await disks.add({ purpose: `what "${container}" writes`, path, readOnly: false });
    return this.#writable.storage({ fstype: type, options: ["rw"], mountPoint: this.#writableAt });
  }

  get #writableAt(): string {
    return `${this.#directory}/writable`;
  }

  #upperStorages({ upper }: Layers, disk: GuestStorage | undefined): GuestStorage[] {
    if (disk !== undefined) return [disk];
    if (upper.kind === "none") return [];
    const mountPoint = this.#writableAt;
    return [{ driver: "ephemeral", source: "tmpfs", fstype: "tmpfs", options: ["mode=0755"], mountPoint }];
  }

  #overlay({ upper, options }: Layers): GuestStorage {
    const lower = this.#held.map(({ mountPoint }) => mountPoint).join(":");
    const { upper: upperName, work } = upper.kind === "disk" ? upper : { upper: "upper", work: "work" };
    const at = this.#writableAt;
    const writable = upper.kind === "none" ? [] : [`upperdir=${at}/${upperName}`, `workdir=${at}/${work}`];
    return {
      driver: "overlayfs",
      source: "overlay",
      fstype: "overlay",
      options: [`lowerdir=${lower}`, ...writable, ...options],
      mountPoint: `${this.#directory}/rootfs`,
    };
  }
}
