import type { OciMount } from "../oci/spec.js";
import type { Agent } from "./agent.js";
import type { Disks } from "./disks.js";
import type { ContainerContribution } from "./guest.js";
import type { Resource } from "./resource.js";
import type { ShareFs } from "./share-fs.js";

/** One mount of a container's spec, to be turned into what the guest can have. */
export interface VolumeRequest {
  readonly containerId: string;
  readonly sandboxId: string;
  readonly mount: OciMount;
  /** Position in `spec.mounts`, so that names can be made unique. */
  readonly index: number;
  readonly shareFs: ShareFs | undefined;
  /** Disks of the sandbox's machine; absent where `disable_block_device_use` says that there shall be none of containers. */
  readonly disks: Disks | undefined;
  /** The guest's agent, which answers from `attach` on. */
  readonly agent: Pick<Agent, "name" | "capability">;
  /** `linux.resources.hugepageLimits` of the container. */
  readonly hugePageLimits: readonly { readonly pageSize: string; readonly limit: number }[];
  /** Annotations of the container. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** A volume whose size somebody outside manages, a CSI driver say. */
export interface SizedVolume {
  /** Its path on the host, by which it is asked for. */
  readonly source: string;
  /** Where the guest has mounted it. */
  readonly guestPath: string;
  /** See `Disk.grow`. */
  grow(bytes: number): Promise<void>;
}

/** One mount of one container, from `prepare` to `cleanup`. Its contribution's `mounts` replace the spec's mount. */
export interface Volume extends Resource<ContainerContribution> {
  /** Known from `prepare` or `adopt` on; absent for what has the size it has. */
  readonly sized?: SizedVolume | undefined;
}

/** A kind of volume; `match` as for `RootfsDriver`. */
export interface VolumeDriver {
  readonly name: string;
  match(request: VolumeRequest): number;
  create(request: VolumeRequest): Volume;
}
