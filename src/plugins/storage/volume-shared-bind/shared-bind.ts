import { lstatSync, type Stats } from "node:fs";
import { basename } from "node:path";
import type { ContainerContribution } from "../../../core/contracts/guest.js";
import type { Share } from "../../../core/contracts/share-fs.js";
import type { Volume, VolumeRequest } from "../../../core/contracts/volume.js";
import { codeOf, KataError, messageOf } from "../../../core/errors/error.js";
import { isReadOnly } from "../../../core/oci/mount-access.js";
import { stateErrors } from "../../../core/sandbox/state-errors.js";
import { sharedBindErrors } from "./errors.js";

/** Characters kept of a destination's last part: it only helps people who look at the shared tree. */
const labelLength = 48;

/**
 * A directory or a regular file of the host in a container. Read-only is enforced on the host, for all mounts below it too.
 * Other sources than these two are refused, whatever they are; nodes of block devices have a driver of their own.
 *
 * As with every bind mount it is the file that is mounted, not its name: writing into `resolv.conf` is seen by the container,
 * replacing it by a new file (rename) is not.
 */
export class SharedBind implements Volume {
  readonly name: string;
  readonly #request: VolumeRequest;
  #share: Share | undefined;

  constructor(request: VolumeRequest) {
    this.name = `mount ${request.index} at ${request.mount.destination}`;
    this.#request = request;
  }

  async prepare(): Promise<ContainerContribution> {
    const { shareFs, mount } = this.#request;
    const { destination, source = "", options = [] } = mount;
    this.#checkSource(source, destination);
    const name = this.#shareName();
    const readOnly = isReadOnly(options);
    try {
      this.#share = await shareFs?.share({ name, source, readOnly, recursive: options.includes("rbind") });
    } catch (error) {
      const parts = { destination, source, problem: messageOf(error) };
      throw sharedBindErrors.KATA_VOLUME_SHARE(parts, { cause: error });
    }
    return { mounts: [{ ...mount, type: "bind", source: this.#share?.guestPath ?? source }] };
  }

  async adopt(): Promise<void> {
    const name = this.#shareName();
    this.#share = this.#request.shareFs?.shared?.(name);
    if (this.#share !== undefined) return;
    throw stateErrors.KATA_RECOVER_PART({ what: `the ${this.name}`, problem: `nothing is shared as ${name}` });
  }

  async cleanup(): Promise<void> {
    await this.#share?.release();
  }

  #shareName(): string {
    const { containerId, index, mount } = this.#request;
    const label = basename(mount.destination)
      .replace(/[^A-Za-z0-9._-]/g, "_")
      .slice(0, labelLength);
    return `${containerId}/${index}-${label}`;
  }

  #checkSource(source: string, destination: string): void {
    const unsupported = (kind: string, instead: string): KataError =>
      sharedBindErrors.KATA_VOLUME_UNSUPPORTED({ destination, source, kind, instead });
    const there = statusOf(source);
    if (there === undefined) throw sharedBindErrors.KATA_VOLUME_SOURCE({ destination, source });
    if (there.isFile() || there.isDirectory()) return;
    if (there.isSymbolicLink()) throw unsupported("symbolic link", "it is not followed; name what it points to");
    const reach = "it is the host's, and nothing in the guest could reach what is behind it";
    if (there.isSocket()) throw unsupported("socket", reach);
    if (there.isFIFO()) throw unsupported("fifo", reach);
    const kind = there.isBlockDevice() ? "block device" : "character device";
    throw unsupported(kind, "a bind mount does not bring a device into the guest");
  }
}

function statusOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}
