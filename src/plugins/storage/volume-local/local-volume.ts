import { lstatSync, type Stats } from "node:fs";
import { basename } from "node:path";
import type { ContainerContribution } from "../../../core/contracts/guest.js";
import type { Volume, VolumeRequest } from "../../../core/contracts/volume.js";
import { messageOf } from "../../../core/errors/error.js";
import { localVolumeErrors } from "./errors.js";

/** Where the guest has them; one for all containers of the pod that name the volume. */
const guestDirectory = "/run/kata-containers/sandbox/local";

/**
 * A volume that begins empty: a directory of the guest with the mode and the group that the host's has, which all containers
 * of the pod share until the pod ends. It counts as the guest's memory; the host's directory stays empty.
 */
export class LocalVolume implements Volume {
  readonly name: string;
  readonly #request: VolumeRequest;

  constructor(request: VolumeRequest) {
    this.name = `mount ${request.index} at ${request.mount.destination}`;
    this.#request = request;
  }

  async prepare(): Promise<ContainerContribution> {
    const { mount } = this.#request;
    const { gid, mode } = this.#host();
    const mountPoint = `${guestDirectory}/${basename(mount.source ?? "")}`;
    const options = [`mode=0${(mode & 0o7777).toString(8)}`, ...(gid === 0 ? [] : [`fsgid=${gid}`])];
    const storage = { driver: "local", source: "local", fstype: "local", options, mountPoint, shared: true };
    return { storages: [storage], mounts: [{ ...mount, type: "bind", source: mountPoint }] };
  }

  adopt(): Promise<void> {
    return Promise.resolve();
  }

  cleanup(): Promise<void> {
    return Promise.resolve();
  }

  #host(): Stats {
    const { destination, source = "" } = this.#request.mount;
    const fail = (problem: string, cause?: unknown): Error =>
      localVolumeErrors.KATA_VOLUME_LOCAL({ destination, source, problem }, { cause });
    let stat: Stats;
    try {
      stat = lstatSync(source);
    } catch (error) {
      throw fail(messageOf(error), error);
    }
    if (!stat.isDirectory()) throw fail("that is no directory");
    return stat;
  }
}
