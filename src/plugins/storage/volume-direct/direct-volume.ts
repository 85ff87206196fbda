import { realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ContainerContribution } from "../../../core/contracts/guest.js";
import type { SizedVolume, Volume, VolumeRequest } from "../../../core/contracts/volume.js";
import { DiskResource } from "../../../core/disks/disk-resource.js";
import type { HostBlockDevice } from "../../../core/disks/host-block-device.js";
import { messageOf } from "../../../core/errors/error.js";
import { isReadOnly, mountOptions } from "../../../core/oci/mount-access.js";
import type { Sys } from "../../../core/sys/sys.js";
import { directVolumeErrors } from "./errors.js";
import { infoName, readMountInfo, volumeName } from "./mount-info.js";

/** Where the guest has disks of volumes, as in Kata. */
const guestDirectory = "/run/kata-containers/sandbox/storage";

const guestPathOf = (source: string): string => `${guestDirectory}/${volumeName(source)}`;

/** What it works with. */
export interface DirectVolumeParts {
  readonly sys: Pick<Sys, "files" | "descriptors">;
  /** Where it is said what volumes are. */
  readonly root: string;
  readonly deviceAt: (path: string) => HostBlockDevice | undefined;
}

/**
 * A disk that a CSI driver has assigned to machines, instead of mounting it: the guest mounts it, once for all containers of
 * the pod. It is read-only for the machine when its own options say so; a container's read-only mount of it is that
 * container's alone, since another of the pod may write to it.
 */
export class DirectVolume extends DiskResource<ContainerContribution> implements Volume {
  readonly name: string;
  readonly #parts: DirectVolumeParts;
  readonly #request: VolumeRequest;

  constructor(parts: DirectVolumeParts, request: VolumeRequest) {
    super();
    this.name = `mount ${request.index} at ${request.mount.destination}`;
    this.#parts = parts;
    this.#request = request;
  }

  /** Its CSI driver may make it larger while it is used. */
  get sized(): SizedVolume | undefined {
    const { disk } = this;
    const { source = "" } = this.#request.mount;
    return disk && { source, guestPath: guestPathOf(source), grow: (bytes) => disk.grow(bytes) };
  }

  async prepare(): Promise<ContainerContribution> {
    const { sys, root } = this.#parts;
    const { mount, disks } = this.#request;
    const { source = "" } = mount;
    const file = join(root, volumeName(source), infoName);
    const { device, fstype, options, group } = readMountInfo(sys, root, source);
    if (disks === undefined) throw directVolumeErrors.KATA_DIRECT_VOLUME_NO_DISKS({ source, file });
    const path = this.#pathOf(device, { source, file });
    const readOnly = isReadOnly(options);
    this.disk = await disks.add({ purpose: `the volume ${source}`, path, readOnly });
    const mountPoint = guestPathOf(source);
    const guestOptions = [...mountOptions(options, fstype), readOnly ? "ro" : "rw"];
    const storage = this.disk.storage({ fstype, options: guestOptions, mountPoint });
    return {
      storages: [{ ...storage, shared: true, ...(group !== undefined && { group }) }],
      mounts: [{ ...mount, type: "bind", source: mountPoint }],
    };
  }

  #pathOf(device: string, place: { source: string; file: string }): string {
    const fail = (problem: string, cause?: unknown): Error =>
      directVolumeErrors.KATA_DIRECT_VOLUME_DISK({ ...place, device, problem }, { cause });
    let path: string;
    try {
      const found = this.#parts.deviceAt(device);
      if (found !== undefined) return found.path;
      path = realpathSync(device);
    } catch (error) {
      throw fail(messageOf(error), error);
    }
    const stat = statSync(path);
    if (!stat.isFile()) throw fail("that is neither a block device nor a file");
    if (stat.size === 0) throw fail("that file is empty");
    return path;
  }
}
