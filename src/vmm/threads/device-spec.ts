/** A disk: a file or a block device of the host. */
export interface DiskSpec {
  readonly kind: "disk";
  readonly id: string;
  readonly path: string;
  readonly readOnly: boolean;
  readonly queues: number;
}

/** Random numbers of the host's. */
export interface EntropySpec {
  readonly kind: "entropy";
  readonly id: string;
}

/** A virtio device as plain data: what the thread makes of it that serves it. */
export type DeviceSpec = DiskSpec | EntropySpec;

/** One with the number of the slot it is plugged into. */
export interface PluggedDevice {
  readonly slot: number;
  readonly spec: DeviceSpec;
}
