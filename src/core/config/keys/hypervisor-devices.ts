import { boolean, choice, implemented, integer, integers, noEffect, string, strings, table } from "./key.js";

const hostPath = { path: true } as const;
const rate = { unit: "bits/s" } as const;
const noVfio = noEffect("devices of the host are plugged into the root bus, or behind the bridge for hotplug");

/** Keys of block devices. */
export const blockKeys = {
  disable_block_device_use: boolean(
    false,
    "Has the host mount root file systems that are disks, and shares them.",
    implemented,
  ),
  block_device_driver: string("virtio-blk-pci", "Block driver plugin for disks of containers.", {
    ...implemented,
    unset: "",
  }),
  block_device_aio: choice(["threads", "native", "io_uring"], "io_uring", "How the VMM reads and writes disks.", {
    unset: "",
  }),
  block_device_cache_set: boolean(false, "Sets the two cache keys below on disks."),
  block_device_cache_direct: boolean(false, "Bypasses the host's page cache."),
  block_device_cache_noflush: boolean(false, "Ignores the guest's flushes."),
  block_device_logical_sector_size: integer(0, "Logical sector size; 0 is the VMM's.", {
    unit: "bytes",
    powerOfTwo: true,
    min: 512,
    max: 65536,
  }),
  block_device_physical_sector_size: integer(0, "Physical sector size; 0 is the VMM's.", {
    unit: "bytes",
    powerOfTwo: true,
    min: 512,
    max: 65536,
  }),
  queue_size: integer(128, "Entries of a disk's queue; 0 is 128.", { unset: 0, powerOfTwo: true, max: 32768 }),
  num_queues: integer(1, "Queues of a disk; 0 is 1.", { unset: 0, max: 1024 }),
  disk_rate_limiter_bw_max_rate: integer(0, "Bandwidth of a disk; 0 is no limit.", rate),
  disk_rate_limiter_bw_one_time_burst: integer(undefined, "Bits a disk may move at once, above that bandwidth."),
  disk_rate_limiter_ops_max_rate: integer(0, "Operations of a disk; 0 is no limit.", { unit: "1/s" }),
  disk_rate_limiter_ops_one_time_burst: integer(undefined, "Operations a disk may do at once, above that rate."),
  enable_iothreads: boolean(false, "Gives disks an I/O thread of their own."),
  indep_iothreads: integer(0, "I/O threads that disks share.", { max: 0xffffffff }),
  disable_image_nvdimm: boolean(
    false,
    "Attaches the guest root image as a disk and not as NVDIMM.",
    noEffect("the guest root image is always a disk"),
  ),
  enable_vhost_user_store: boolean(false, "Attaches vhost-user disks."),
  vhost_user_store_path: string("/var/run/vhost-user", "Directory of vhost-user sockets and nodes.", {
    ...hostPath,
    unset: "",
  }),
  valid_vhost_user_store_paths: strings(
    [],
    "Patterns of the paths that the annotation `vhost_user_store_path` may name.",
    implemented,
  ),
};

/** Keys of the shared file system. */
export const sharedFsKeys = {
  shared_fs: string("virtio-fs", "Share-fs plugin that carries container files to the guest, or none.", {
    ...implemented,
    unset: "",
  }),
  virtio_fs_daemon: string("", "The virtiofsd program; empty to have it found.", hostPath),
  valid_virtio_fs_daemon_paths: strings(
    [],
    "Patterns of the paths that the annotation `virtio_fs_daemon` may name.",
    implemented,
  ),
  virtio_fs_cache: choice(
    ["never", "auto", "always"],
    "auto",
    "What the guest caches of shared files: nothing; names and attributes for a second; all until it forgets it.",
    {
      unset: "",
      spellings: { none: "never" },
    },
  ),
  virtio_fs_cache_size: integer(0, "Size of the DAX window; 0 is none.", { unit: "MiB", max: 0xffffffff }),
  virtio_fs_is_dax: boolean(false, "Asks for a DAX window, of 1024 MiB unless a size is given."),
  virtio_fs_queue_size: integer(1024, "Entries of the file system's queue; 0 is 1024.", {
    unset: 0,
    powerOfTwo: true,
    max: 32768,
  }),
  virtio_fs_extra_args: strings([], "Further arguments of virtiofsd, of those known to be harmless."),
  prefetch_list_path: string("", "List of files that nydus fetches early.", {
    ...hostPath,
    ...noEffect("nydus images are not supported yet"),
  }),
};

/** Keys of network links. */
export const networkKeys = {
  disable_vhost_net: boolean(false, "Moves packets in the VMM and not in the host's kernel."),
  network_queues: integer(1, "Queue pairs of a link; 0 is 1.", { unset: 0, max: 64 }),
  rx_rate_limiter_max_rate: integer(0, "Rate at which a link receives; 0 is no limit.", rate),
  tx_rate_limiter_max_rate: integer(0, "Rate at which a link sends; 0 is no limit.", rate),
};

/** Keys of devices that are passed through. */
export const deviceKeys = {
  cold_plug_vfio: choice(["no-port", "root-port"], "no-port", "PCIe port for devices plugged before boot.", noVfio),
  pcie_root_port: integer(0, "PCIe root ports.", { ...noVfio, max: 16 }),
  pcie_switch_port: integer(0, "PCIe switch ports.", { ...noVfio, max: 16 }),
  enable_iommu: boolean(false, "Gives the machine an IOMMU."),
  enable_iommu_platform: boolean(false, "Has virtio devices use the IOMMU."),
};

/** Keys of what the VMM and the guest may do. */
export const securityKeys = {
  rootless: boolean(
    false,
    "Runs the VMM as a user of its own.",
    noEffect("the VMM runs as the runtime's user; a user of its own is not supported yet"),
  ),
  rootless_user: table(
    {
      uid: integer(0, "User id.", { max: 0xffffffff }),
      gid: integer(0, "Group id.", { max: 0xffffffff }),
      groups: integers([], "Further group ids."),
      user_name: string("", "Name."),
    },
    "The user that a rootless VMM runs as.",
  ),
  disable_seccomp: boolean(false, "Lifts the VMM's own filter of system calls."),
  seccomp_sandbox: string("", "QEMU's -sandbox option."),
  guest_hook_path: string("", "Directory of OCI hooks in the guest; empty is none."),
  selinux_label: string("", "SELinux label of processes in the guest.", noEffect("SELinux is not supported")),
  disable_selinux: boolean(false, "Leaves SELinux labels off the VMM.", noEffect("SELinux is not supported")),
  disable_guest_selinux: boolean(true, "Leaves SELinux off in the guest.", noEffect("SELinux is not supported")),
};
