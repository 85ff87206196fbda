import type { ContainerContribution } from "../../../core/contracts/guest.js";
import type { Volume, VolumeRequest } from "../../../core/contracts/volume.js";
import { fileSystemType } from "../../../core/sys/file-system-type.js";
import type { Sys } from "../../../core/sys/sys.js";
import { errnoNameOf } from "../../../core/sys/sys-error.js";
import { sizeOption, usualShmSize } from "./shm-size.js";

/** Where the guest has it, as in Kata; one for all containers of the sandbox. */
const guestPath = "/run/kata-containers/sandbox/shm";

/** Shared memory: a tmpfs of the guest, as large as the host's would be, that all containers of the pod see at `/dev/shm`. */
export class ShmVolume implements Volume {
  readonly name: string;
  readonly #sys: Sys;
  readonly #request: VolumeRequest;

  constructor(sys: Sys, request: VolumeRequest) {
    this.name = `shared memory of ${request.containerId}`;
    this.#sys = sys;
    this.#request = request;
  }

  prepare(): Promise<ContainerContribution> {
    const { destination } = this.#request.mount;
    const size = this.#size();
    const options = ["noexec", "nosuid", "nodev", "mode=1777", `size=${size}`];
    // Each container brings it; the agent makes it for the first one and counts the others.
    const storage = {
      driver: "ephemeral",
      source: "shm",
      fstype: "tmpfs",
      options,
      mountPoint: guestPath,
      shared: true,
    };
    return Promise.resolve({
      storages: [storage],
      mounts: [{ destination, type: "bind", source: guestPath, options: ["rbind"] }],
    });
  }

  adopt(): Promise<void> {
    return Promise.resolve();
  }

  cleanup(): Promise<void> {
    return Promise.resolve();
  }

  /** Bytes: what the mount says, or the size of the tmpfs that the host has prepared for it. */
  #size(): bigint {
    const { mount } = this.#request;
    const told = sizeOption(mount.options ?? []);
    if (told !== undefined && told > 0n) return told;
    if (mount.type !== "bind" || mount.source === undefined || !mount.source.startsWith("/")) return usualShmSize;
    try {
      const host = this.#sys.files.statfs(mount.source);
      return host.type === fileSystemType.tmpfs && host.totalBytes > 0 ? BigInt(host.totalBytes) : usualShmSize;
    } catch (error) {
      if (errnoNameOf(error) === "ENOENT") return usualShmSize;
      throw error;
    }
  }
}
