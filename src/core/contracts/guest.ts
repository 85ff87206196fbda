import type { OciMount } from "../oci/spec.js";

/**
 * Something the agent mounts in the guest (agent.proto `Storage`). Drivers it knows: `virtio-fs`, `blk`, `mmioblk`,
 * `scsi`, `nvdimm`, `ephemeral`, `local`, `overlayfs`, `watchable-bind`.
 */
export interface GuestStorage {
  readonly driver: string;
  readonly driverOptions?: readonly string[];
  /** Device, tag or path, as the driver understands it. */
  readonly source: string;
  readonly fstype: string;
  readonly options: readonly string[];
  /** Absolute path in the guest. */
  readonly mountPoint: string;
  /** Shared by containers: the agent counts its users. */
  readonly shared?: boolean;
  /** The group that all in it is given to. */
  readonly group?: GuestGroup;
}

/** A group that may write to a volume (Kubernetes' `fsGroup`; agent.proto `FSGroup`). */
export interface GuestGroup {
  readonly id: number;
  /** Whether it is given all, or nothing when the root of the volume is its already. */
  readonly policy: "always" | "on-root-mismatch";
}

/**
 * A device the agent waits for and maps into a container (agent.proto `Device`): the device that the container's spec has
 * at `containerPath`, and the rules for its numbers, get those of the guest.
 */
export interface GuestDevice {
  /** Where the guest finds it, when that is no path: slots on PCI, a SCSI address. */
  readonly id: string;
  /** One of the names that `GuestStorage.driver` has for disks. */
  readonly type: string;
  /** Its path in the guest, empty when that is not known. */
  readonly vmPath: string;
  readonly containerPath: string;
  readonly options: readonly string[];
}

/** An address with its prefix length. */
export interface GuestAddressing {
  readonly family: "ipv4" | "ipv6";
  readonly address: string;
  /** Prefix length in bits. */
  readonly prefix: number;
}

/** A network interface as the guest shall have it (types.proto `Interface`). */
export interface GuestInterface {
  /** Name it had on the host. */
  readonly device: string;
  /** Name it gets in the guest. */
  readonly name: string;
  readonly addresses: readonly GuestAddressing[];
  readonly mtu: number;
  /** MAC, lower case with colons; how the agent finds the device. */
  readonly hardwareAddress: string;
  readonly devicePath?: string;
  readonly type?: string;
  readonly flags?: number;
}

/** A route of the guest (types.proto `Route`). */
export interface GuestRoute {
  readonly destination: string;
  readonly gateway?: string;
  readonly device: string;
  readonly source?: string;
  readonly scope?: number;
  readonly family: "ipv4" | "ipv6";
  readonly flags?: number;
  readonly mtu?: number;
}

/** A permanent neighbour entry of the guest (types.proto `ARPNeighbor`). */
export interface GuestNeighbor {
  readonly address: GuestAddressing;
  readonly device: string;
  readonly hardwareAddress: string;
  readonly state: number;
  readonly flags: number;
}

/** What a container resource adds to the container that the guest is asked to create. */
export interface ContainerContribution {
  readonly storages?: readonly GuestStorage[];
  readonly devices?: readonly GuestDevice[];
  /** Replaces the OCI mount it was made from. */
  readonly mounts?: readonly OciMount[];
}
