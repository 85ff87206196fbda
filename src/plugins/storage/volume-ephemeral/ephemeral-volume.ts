import { basename } from "node:path";
import type { ContainerContribution } from "../../../core/contracts/guest.js";
import type { Volume, VolumeRequest } from "../../../core/contracts/volume.js";
import { ephemeralErrors } from "./errors.js";
import type { HostMemory } from "./host-memory.js";

/** Where the guest has them, as in Kata; one for all containers of the pod that name the volume. */
const guestDirectory = "/run/kata-containers/sandbox/ephemeral";

/**
 * A volume in memory: a tmpfs of the guest, as large as the host's and for the same group, which all containers of the pod
 * share. What they write there counts as the guest's memory, and the host's stays empty.
 */
export class EphemeralVolume implements Volume {
  readonly name: string;
  readonly #request: VolumeRequest;
  readonly #memoryAt: (path: string) => HostMemory | undefined;

  constructor(request: VolumeRequest, memoryAt: (path: string) => HostMemory | undefined) {
    this.name = `mount ${request.index} at ${request.mount.destination}`;
    this.#request = request;
    this.#memoryAt = memoryAt;
  }

  async prepare(): Promise<ContainerContribution> {
    const { mount } = this.#request;
    const { destination, source = "" } = mount;
    const memory = this.#memoryAt(source);
    if (memory === undefined) throw ephemeralErrors.KATA_VOLUME_NO_MEMORY({ destination, source });
    const { bytes, gid, mode } = memory;
    const mountPoint = `${guestDirectory}/${basename(source)}`;
    const options = [`size=${bytes}`, `mode=${mode.toString(8)}`, ...(gid === 0 ? [] : [`fsgid=${gid}`])];
    // Each container brings it; the agent makes it for the first one and counts the others.
    const storage = { driver: "ephemeral", source: "tmpfs", fstype: "tmpfs", options, mountPoint, shared: true };
    return { storages: [storage], mounts: [{ ...mount, type: "bind", source: mountPoint }] };
  }

  adopt(): Promise<void> {
    return Promise.resolve();
  }

  cleanup(): Promise<void> {
    return Promise.resolve();
  }
}
