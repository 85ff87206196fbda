import type { ContainerContribution } from "../../../core/contracts/guest.js";
import type { Volume, VolumeRequest } from "../../../core/contracts/volume.js";
import { DiskResource } from "../../../core/disks/disk-resource.js";
import type { HostBlockDevice } from "../../../core/disks/host-block-device.js";
import { messageOf } from "../../../core/errors/error.js";
import { isBind } from "../../../core/oci/is-bind.js";
import { isReadOnly, mountOptions } from "../../../core/oci/mount-access.js";
import { blockVolumeErrors } from "./errors.js";

/** Where the guest has disks of volumes, as in Kata. */
const guestDirectory = "/run/kata-containers/sandbox/storage";

/**
 * A block device of the host that is a disk of the machine. A mount of a file system is that in the guest, whose kernel
 * alone reads it; a bind of a device's node is a bind of the guest's node for the disk, as it would be on the host. Read-only
 * is the device's, so that the guest's root cannot write either.
 */
export class BlockVolume extends DiskResource<ContainerContribution> implements Volume {
  readonly name: string;
  readonly #request: VolumeRequest;
  readonly #deviceAt: (path: string) => HostBlockDevice | undefined;

  constructor(request: VolumeRequest, deviceAt: (path: string) => HostBlockDevice | undefined) {
    super();
    this.name = `mount ${request.index} at ${request.mount.destination}`;
    this.#request = request;
    this.#deviceAt = deviceAt;
  }

  async prepare(): Promise<ContainerContribution> {
    const { containerId, index, mount, disks } = this.#request;
    const { destination, source = "", type = "", options = [] } = mount;
    if (disks === undefined) throw blockVolumeErrors.KATA_VOLUME_NO_DISKS({ destination, source });
    const { path } = this.#device(destination, source);
    const readOnly = isReadOnly(options);
    this.disk = await disks.add({ purpose: `the mount at ${destination} of "${containerId}"`, path, readOnly });
    const mountPoint = `${guestDirectory}/${containerId}-${index}`;
    const access = readOnly ? "ro" : "rw";
    const bound = isBind(mount);
    const fstype = bound ? "bind" : type;
    // What is said of a bind holds for the bind in the container; what is said of a file system for that one.
    const storageOptions = bound ? [access] : [...mountOptions(options, fstype), access];
    const containerOptions = bound ? options : ["rbind", access];
    return {
      storages: [this.disk.storage({ fstype, options: storageOptions, mountPoint })],
      mounts: [{ ...mount, type: "bind", source: mountPoint, options: [...containerOptions] }],
    };
  }

  #device(destination: string, source: string): HostBlockDevice {
    let found: HostBlockDevice | undefined;
    try {
      found = this.#deviceAt(source);
    } catch (error) {
      throw blockVolumeErrors.KATA_VOLUME_DISK({ destination, source, problem: messageOf(error) }, { cause: error });
    }
    if (found !== undefined) return found;
    const problem = "that is no block device";
    throw blockVolumeErrors.KATA_VOLUME_DISK({ destination, source, problem });
  }
}
