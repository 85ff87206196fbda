import type { ContainerContribution } from "../../../core/contracts/guest.js";
import type { Volume, VolumeRequest } from "../../../core/contracts/volume.js";
import { hugePagesErrors } from "./errors.js";
import type { HostHugePages } from "./host-huge-pages.js";

/** Where the guest has them; one for all containers of the pod that name the volume. */
const guestDirectory = "/run/kata-containers/sandbox/hugepages";

/**
 * A volume of huge pages: a hugetlbfs of the guest with pages as large as the host's, for which its kernel sets as many aside
 * as the volume may hold: its own size, or the limit that the first container with it has. The host's pages are not used.
 */
export class HugePagesVolume implements Volume {
  readonly name: string;
  readonly #request: VolumeRequest;
  readonly #pagesAt: (path: string) => HostHugePages | undefined;

  constructor(request: VolumeRequest, pagesAt: (path: string) => HostHugePages | undefined) {
    this.name = `mount ${request.index} at ${request.mount.destination}`;
    this.#request = request;
    this.#pagesAt = pagesAt;
  }

  async prepare(): Promise<ContainerContribution> {
    const { mount, hugePageLimits } = this.#request;
    const { destination, source = "" } = mount;
    const pages = this.#pagesAt(source);
    if (pages === undefined) throw hugePagesErrors.KATA_VOLUME_HUGE_GONE({ destination, source });
    const pageSize = pageSizeName(pages.pageBytes);
    const size = pages.bytes ?? hugePageLimits.find((limit) => limit.pageSize === pageSize)?.limit;
    if (size === undefined || size <= 0) {
      const limits = hugePageLimits.map((limit) => limit.pageSize);
      throw hugePagesErrors.KATA_VOLUME_HUGE_SIZE({ destination, source, pageSize, limits });
    }
    const mountPoint = `${guestDirectory}/${Buffer.from(source).toString("base64url")}`;
    const mode = `mode=${pages.mode.toString(8)}`;
    const group = pages.gid === 0 ? [] : [`fsgid=${pages.gid}`];
    const options = [`pagesize=${pages.pageBytes}`, `size=${size}`, mode, ...group];
    // Each container brings it; the agent makes it for the first one and counts the others.
    const storage = { driver: "ephemeral", source: "nodev", fstype: "hugetlbfs", options, mountPoint, shared: true };
    return { storages: [storage], mounts: [{ ...mount, type: "bind", source: mountPoint }] };
  }

  adopt(): Promise<void> {
    return Promise.resolve();
  }

  cleanup(): Promise<void> {
    return Promise.resolve();
  }
}

/** As runtime-spec has it: `2MB`, `1GB`, in powers of two. */
export function pageSizeName(bytes: number): string {
  const units = ["KB", "MB", "GB"];
  let [size, unit] = [bytes / 1024, 0];
  while (size >= 1024 && size % 1024 === 0 && unit < units.length - 1) [size, unit] = [size / 1024, unit + 1];
  return `${size}${units[unit]}`;
}
