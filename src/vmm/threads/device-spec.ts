import type { DiskLimits } from "../virtio/block/disk-limits.js";

/** A disk: a raw file or a block device of the host. */
export interface DiskSpec {
  readonly kind: "disk";
  readonly id: string;
  readonly path: string;
  /** Enforced by the device, whatever the guest mounts. */
  readonly readOnly: boolean;
  readonly queues?: number;
  /** Entries of each queue, a power of two. */
  readonly queueSize?: number;
  /** What it may do; whatever the host's allows when absent. */
  readonly limits?: DiskLimits;
  /** Reads and writes past the host's page cache. */
  readonly direct?: boolean;
  /** Takes the guest's flushes for done at once: a loss of the host's power may lose what the guest takes for written. */
  readonly ignoreFlushes?: boolean;
  /** Bytes of the sectors that the guest is told of, powers of two from 512 on; 512, and pages of 4096, when absent. */
  readonly logicalSector?: number;
  readonly physicalSector?: number;
}

/** Random numbers of the host's. */
export interface EntropySpec {
  readonly kind: "entropy";
  readonly id: string;
}

/** Sockets between the guest and programs of the host: hybrid vsock. */
export interface VsockSpec {
  readonly kind: "vsock";
  readonly id: string;
  /** The guest's context, 3 or more. */
  readonly cid: number;
  /** Absolute path of the Unix socket for the host's programs; it is made. */
  readonly path: string;
}

/** A network card on a tap. */
export interface CardSpec {
  readonly kind: "card";
  readonly id: string;
  /** MAC, lower case with colons. */
  readonly mac: string;
  /** Descriptors of the tap, one for each queue pair; taken. */
  readonly taps: readonly number[];
  readonly queueSize?: number;
  /** Has the kernel move the packets (`/dev/vhost-net`), past this process. */
  readonly vhost?: boolean;
}

/** Takes memory from the guest that it does not use, and gives it back. */
export interface BalloonSpec {
  readonly kind: "balloon";
  readonly id: string;
  /** The guest reports pages that it has freed, whose memory the host has until they are used again. */
  readonly reporting: boolean;
}

/** Memory that the guest plugs in and out as it is asked to. */
export interface MemorySpec {
  readonly kind: "memory";
  readonly id: string;
  /** Guest-physical: a region of the guest's memory that nothing else is in, in bytes. */
  readonly address: number;
  readonly size: number;
  /** Bytes that are plugged at once. */
  readonly blockSize: number;
}

/** A directory shared by a vhost-user daemon. */
export interface ShareSpec {
  readonly kind: "share";
  readonly id: string;
  /** What the guest mounts it by, 36 bytes at most. */
  readonly tag: string;
  /** Where the daemon listens. */
  readonly socket: string;
  readonly queueSize: number;
}

/** A directory of the host that this process itself serves. */
export interface SharedDirectorySpec {
  readonly kind: "shared-directory";
  readonly id: string;
  /** What the guest mounts it by, 36 bytes at most. */
  readonly tag: string;
  /** Absolute. */
  readonly path: string;
  /** Enforced by the device, whatever the guest mounts. */
  readonly readOnly: boolean;
  /** What the guest may cache: nothing, for a second, for as long as it likes. */
  readonly cache: "never" | "auto" | "always";
  readonly queueSize: number;
}

/** A virtio device as plain data: what the thread makes of it that serves it. */
export type DeviceSpec =
  | DiskSpec
  | EntropySpec
  | VsockSpec
  | CardSpec
  | ShareSpec
  | SharedDirectorySpec
  | BalloonSpec
  | MemorySpec;

/** One with the number of the slot it is plugged into. */
export interface PluggedDevice {
  readonly slot: number;
  readonly spec: DeviceSpec;
}
