import type { Disks } from "../../../core/contracts/disks.js";
import type { ContainerContribution } from "../../../core/contracts/guest.js";
import type { Volume, VolumeRequest } from "../../../core/contracts/volume.js";
import { isPlainObject } from "../../../core/sandbox/plain-object.js";
import { stateErrors } from "../../../core/sandbox/state-errors.js";
import type { EmptyDirDisks } from "./empty-dir-disks.js";
import { emptyDirErrors } from "./errors.js";

/** A volume that begins empty and is a disk of the pod: a container brings it, and leaves it there. */
export class EmptyDirVolume implements Volume {
  readonly name: string;
  readonly #request: VolumeRequest;
  readonly #disksOf: (disks: Disks) => EmptyDirDisks;
  #path: string | undefined;

  constructor(request: VolumeRequest, disksOf: (disks: Disks) => EmptyDirDisks) {
    this.name = `mount ${request.index} at ${request.mount.destination}`;
    this.#request = request;
    this.#disksOf = disksOf;
  }

  async prepare(): Promise<ContainerContribution> {
    const { mount } = this.#request;
    const { storage, path } = await this.#disks().hold(mount.source ?? "");
    this.#path = path;
    return {
      storages: [storage],
      mounts: [{ ...mount, type: "bind", source: storage.mountPoint }],
    };
  }

  state(): unknown {
    return { path: this.#path };
  }

  async adopt(state: unknown): Promise<void> {
    const path = isPlainObject(state) ? state["path"] : undefined;
    if (typeof path !== "string")
      throw stateErrors.KATA_RECOVER_PART({
        what: this.name,
        problem: "it is not known which disk it is",
      });
    this.#path = path;
    await this.#disks().adopt(this.#request.mount.source ?? "", path);
  }

  cleanup(): Promise<void> {
    return Promise.resolve();
  }

  #disks(): EmptyDirDisks {
    const { mount, disks } = this.#request;
    const { destination, source = "" } = mount;
    if (disks === undefined) throw emptyDirErrors.KATA_EMPTY_DIR_NO_DISKS({ destination, source });
    return this.#disksOf(disks);
  }
}
