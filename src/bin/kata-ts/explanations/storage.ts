import type { Explanations } from "./explanation.js";

/** Of disks, shared directories, root file systems and volumes. */
export const storage: Explanations = {
  KATA_DISK_SOURCE: {
    cause: "A device or a file cannot be a disk of the guest: it is not there, is neither, or is in use.",
    cure: "Correct it as the message says.",
  },
  KATA_DISK_SIZE: {
    cause:
      "A disk of a pod is to be made larger, and is read-only, or a device of the host that is smaller than what is asked for.",
    cure: "Make the device larger first, or name a size that it has; a file is made larger by the machine itself.",
  },
  KATA_DISK_CONFLICT: {
    cause:
      "Two containers of a pod want the same disk in ways that exclude each other, such as for reading only and for writing.",
    cure: "Mount it in the same way in all of them.",
  },
  KATA_DISK_NOWHERE: {
    cause: "The hypervisor took a disk and cannot say where the guest finds it, so the agent cannot be told.",
    cure: "Choose another `block_device_driver`; in a hypervisor of your own fill in the attached device's address.",
  },
  KATA_SHARE_NAME: {
    cause: "A name to share something by is empty, a path, or too long.",
    cure: "Take a plain name; the plugin that shares chooses it.",
  },
  KATA_SHARE_EXISTS: {
    cause: "Something else is shared by this name.",
    cure: "Take another name, or stop sharing the first.",
  },
  KATA_SHARE_SOURCE: {
    cause: "What is to be shared is of a kind that cannot be, or a way to it was changed meanwhile.",
    cure: "See the message; share a plain file or a directory.",
  },
  KATA_SHARE_MISSING: {
    cause: "What is to be shared does not exist.",
    cure: "Make it first, or correct the mount's source.",
  },
  KATA_SHARE_MOUNT: {
    cause: "The kernel refused to mount a source into the shared directory.",
    cure: "See the cause in the message, and `findmnt` for what is there.",
  },
  KATA_SHARE_SPACE: {
    cause: "There is no room for another mount point in the shared directory.",
    cure: "Make room in /run, or raise `fs.mount-max`.",
  },
  KATA_SHARE_STATE: {
    cause: "The share was used before it was prepared or after it was undone.",
    cure: "Keep to the order of the contract: prepare, use, clean up.",
  },
  KATA_ROOTFS_DISK: {
    cause:
      "A root file system is on a disk that cannot be given to the machine, or of a file system that the guest does not have.",
    cure: "See the message; ext4 and xfs can be.",
  },
  KATA_ROOTFS_EROFS_MOUNT: {
    cause: "The mounts of the erofs snapshotter are of a form that is not supported.",
    cure: "Use containerd's own erofs snapshotter of 2.2 or later, without merged layers and dm-verity, or another snapshotter.",
  },
  KATA_ROOTFS_EROFS_LAYER: {
    cause: "A layer's file cannot be a disk: it is not there, cannot be read, or was changed meanwhile.",
    cure: "Pull the image again.",
  },
  KATA_ROOTFS_EROFS_LAYERS: {
    cause: "The image has more layers than the machine takes disks.",
    cure: "Build it with fewer, or use the overlayfs snapshotter for it.",
  },
  KATA_ROOTFS_EROFS_NO_DISKS: {
    cause: "Layers of erofs are disks, and `disable_block_device_use` is set.",
    cure: "Set it to false, or use the overlayfs snapshotter.",
  },
  KATA_ROOTFS_NYDUS_OPTION: {
    cause: "The mount that nydus-snapshotter gives has an option that is missing or wrong.",
    cure: "See that its version fits and `enable_nydus_overlayfs` is set.",
  },
  KATA_ROOTFS_NYDUS_IMAGE: {
    cause: "The image's metadata cannot be read, or is of a RAFS version that is not known.",
    cure: "Convert the image anew, for RAFS 5 or 6.",
  },
  KATA_ROOTFS_NYDUS_NO_DAEMON: {
    cause: "No nydusd is installed that could serve the image.",
    cure: "Install nydusd, or have nydus-snapshotter serve its images.",
  },
  KATA_ROOTFS_NYDUS_STARTUP: {
    cause: "nydusd ended before it served the image.",
    cure: "See its output in the message: mostly the registry's credentials or its configuration.",
  },
  KATA_ROOTFS_NYDUS_NO_SANDBOX: {
    cause: "The plugin was used without a sandbox, whose directory its daemon needs.",
    cure: "Use it from a runtime handler that opens a sandbox.",
  },
  KATA_ROOTFS_MOUNT: {
    cause: "A mount of the root file system failed on the host.",
    cure: "See the cause in the message; pull the image again if a layer is missing.",
  },
  KATA_ROOTFS_NO_SHARE: {
    cause: "The root file system is a directory, and nothing is shared with the guest.",
    cure: "Set `shared_fs`, or use a snapshotter that makes disks (devmapper).",
  },
  KATA_VIRTIOFS_DAEMON_MISSING: {
    cause: "`virtio_fs_daemon` names a program that is not there.",
    cure: "Install virtiofsd, or correct the path.",
  },
  KATA_VIRTIOFS_DAEMON_NOT_FOUND: {
    cause: "virtiofsd is not installed at any of the usual places.",
    cure: "Install it, or name it with `virtio_fs_daemon`.",
  },
  KATA_VIRTIOFS_DAEMON_UNKNOWN: {
    cause: "The program named does not answer as a virtiofsd.",
    cure: "Name a virtiofsd, in C or in Rust.",
  },
  KATA_VIRTIOFS_ARGUMENT: {
    cause: "`virtio_fs_extra_args` has an argument that is not known, is the runtime's own, or would open the sandbox.",
    cure: "Take it out; `docs/configuration.md` and the plugin's page say more.",
  },
  KATA_VIRTIOFS_SOURCE: {
    cause: "The path to share has a comma, which virtiofsd in C takes for the next option.",
    cure: "Keep the runtime's directory in a path without commas.",
  },
  KATA_VIRTIOFS_DIED: {
    cause: "virtiofsd ended while the machine ran: it crashed or was killed.",
    cure: "See its output in the message and dmesg for the OOM killer; the pod must be made anew.",
  },
  KATA_VIRTIOFS_STARTUP: {
    cause: "virtiofsd ended at its start: it was refused its sandbox, its socket or an argument.",
    cure: "See its output in the message.",
  },
  KATA_VOLUME_NO_DISKS: {
    cause: "A mount's source is a disk, and `disable_block_device_use` is set.",
    cure: "Set it to false, or mount a directory.",
  },
  KATA_VOLUME_DISK: {
    cause: "The disk of a mount cannot be given to the machine.",
    cure: "See the message; the device must be there and of a file system that the guest has.",
  },
  KATA_VOLUME_COPY: {
    cause: "Nothing is shared, so a mount is copied to the guest, and that failed.",
    cure: "See the cause in the message.",
  },
  KATA_VOLUME_COPY_LIMIT: {
    cause: "A mount is too large to be copied to the guest.",
    cure: "Share files (`shared_fs`), or have it on a disk.",
  },
  KATA_VOLUME_COPY_AGENT: {
    cause: "A mount is to be copied and the agent takes no files.",
    cure: "Share files (`shared_fs`), or choose another agent.",
  },
  KATA_DIRECT_VOLUME_FILE: {
    cause: "What a CSI driver has written of a volume cannot be read or is not JSON.",
    cure: "Add the volume again: `kata-ts direct-volume add`.",
  },
  KATA_DIRECT_VOLUME_FIELD: {
    cause: "What a CSI driver has written of a volume lacks a field, or has one of the wrong form.",
    cure: "Correct it as the message says.",
  },
  KATA_DIRECT_VOLUME_DISK: {
    cause: "The device of a direct volume is not there, or is no disk.",
    cure: "Attach it before the pod starts.",
  },
  KATA_DIRECT_VOLUME_PATH: {
    cause: "A volume's path is not absolute, or is too long.",
    cure: "Give the path that the container mounts from.",
  },
  KATA_DIRECT_VOLUME_NO_DISKS: {
    cause: "A direct volume is a disk, and `disable_block_device_use` is set.",
    cure: "Set it to false, or take the volume off the pod.",
  },
  KATA_EMPTY_DIR_NO_DISKS: {
    cause: "`emptydir_mode` has emptyDir volumes be disks, and `disable_block_device_use` is set.",
    cure: "Set one of the two to another value.",
  },
  KATA_EMPTY_DIR_DISK: {
    cause: "An emptyDir volume cannot be made a disk: its directory is not empty, not the kubelet's, or has no room.",
    cure: 'See the message, or set `emptydir_mode = "shared-fs"`.',
  },
  KATA_EMPTY_DIR_PROGRAM: {
    cause: "The program that makes file systems is not installed.",
    cure: 'Install e2fsprogs, or set `emptydir_mode = "shared-fs"`.',
  },
  KATA_EMPTY_DIR_FORMAT: {
    cause: "Making a file system on an emptyDir volume's disk failed.",
    cure: "See the program's words in the message: mostly no space on the host.",
  },
  KATA_VOLUME_NO_MEMORY: {
    cause: "A volume in memory was unmounted on the host while its pod was made.",
    cure: "Make the pod anew; see what unmounts it.",
  },
  KATA_VOLUME_HUGE_GONE: {
    cause: "A volume of huge pages was unmounted on the host while its pod was made.",
    cure: "Make the pod anew; see what unmounts it.",
  },
  KATA_VOLUME_HUGE_SIZE: {
    cause: "Nobody says how many huge pages a volume may have, and the guest must set them aside.",
    cure: "Give the container a limit for huge pages, or mount the volume with `size=`.",
  },
  KATA_VOLUME_LOCAL: {
    cause: "A directory local to the pod cannot be used as one.",
    cure: "See the message; it must be an empty directory of the kubelet's.",
  },
  KATA_VOLUME_UNSUPPORTED: {
    cause: "The source of a mount is something that cannot be shared with a guest: a device, a fifo or a socket.",
    cure: "Take it off the pod, or do as the message says.",
  },
  KATA_VOLUME_SOURCE: {
    cause: "The source of a mount does not exist.",
    cure: "Make it before the container, or correct the path.",
  },
  KATA_VOLUME_SHARE: {
    cause: "The source of a mount is there and cannot be shared.",
    cure: "See the cause in the message.",
  },
};
