/**
 * What can be plugged into a virtual machine. A hypervisor takes the kinds it knows; another kind is
 * `KATA_HYPERVISOR_DEVICE`, never ignored. `id` is chosen by who adds the device and is unique in the VM.
 */
export type Device = FsDevice | InlineFsDevice | BlockDevice | NetDevice | VhostUserNetDevice | VfioDevice;

/** A directory shared over virtio-fs by a vhost-user daemon that listens on `socket`. */
export interface FsDevice {
  readonly kind: "fs";
  readonly id: string;
  /** Mount tag in the guest; 36 bytes at most. */
  readonly tag: string;
  readonly socket: string;
  /** Entries of each request queue, a power of two. */
  readonly queueSize: number;
  /** DAX window in MiB; 0 for none. */
  readonly cacheSizeMiB: number;
}

/** A directory that the hypervisor itself shares over virtio-fs, without a daemon; mounts below it are shared too. */
export interface InlineFsDevice {
  readonly kind: "inline-fs";
  readonly id: string;
  /** Mount tag in the guest; 36 bytes at most. */
  readonly tag: string;
  /** Absolute path of the directory, which is there when the machine starts. */
  readonly path: string;
  /** Enforced by the device, not only by the guest's mount. */
  readonly readOnly: boolean;
  /** What the guest caches: nothing; for a second; until it forgets. */
  readonly cache: "never" | "auto" | "always";
  /** Entries of each queue, a power of two. */
  readonly queueSize: number;
}

/** A disk from a raw file or a host block device. */
export interface BlockDevice {
  readonly kind: "block";
  readonly id: string;
  readonly path: string;
  /** Enforced by the device, not only by the guest's mount. */
  readonly readOnly: boolean;
  /** Transport: `virtio-blk-pci`, `virtio-blk-mmio`, `virtio-scsi`, `virtio-pmem`. */
  readonly driver: string;
}

/** A network card on a tap. */
export interface NetDevice {
  readonly kind: "net";
  readonly id: string;
  /** MAC, lower case with colons. */
  readonly hardwareAddress: string;
  /** Descriptors of the tap, one for each queue pair. The hypervisor has its own of each from then on. */
  readonly tapFds: readonly number[];
  /** Entries of each queue, a power of two. */
  readonly queueSize: number;
  /** Whether the host's kernel moves the packets (vhost-net) and not the VMM. */
  readonly vhost: boolean;
}

/** A network card that another program of the host serves: it listens on `socket` and speaks vhost-user. */
export interface VhostUserNetDevice {
  readonly kind: "vhost-user-net";
  readonly id: string;
  /** MAC, lower case with colons. */
  readonly hardwareAddress: string;
  readonly socket: string;
  readonly queuePairs: number;
  /** Entries of each queue, a power of two. */
  readonly queueSize: number;
}

/** A PCI device of the host that the guest gets whole. It is bound to `vfio-pci` when it is added. */
export interface VfioDevice {
  readonly kind: "vfio";
  readonly id: string;
  /** `0000:00:03.0` on the host. */
  readonly address: string;
}

/** What a hypervisor says of a device it has taken. */
export interface AttachedDevice {
  readonly id: string;
  /** Where the guest finds it, in the form the agent takes: a PCI path `02/01`, `/dev/vda`, a SCSI address `0:1`. */
  readonly guestLocator?: string;
}
