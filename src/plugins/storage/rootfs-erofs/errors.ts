import { defineErrors } from "../../../core/errors/error.js";

/** The mount that an error is about, as containerd gave it. */
interface MountParts {
  readonly container: string;
  readonly index: number;
  readonly type: string;
  readonly source: string;
}

const at = ({ container, index, type, source }: MountParts): string =>
  `the root file system of "${container}": its mount ${index} is ${type} on ${source}`;

export const erofsRootfsErrors = defineErrors({
  KATA_ROOTFS_EROFS_MOUNT: {
    status: "INVALID_ARGUMENT",
    message: (p: MountParts & { problem: string }) => `${at(p)}: ${p.problem}`,
  },
  KATA_ROOTFS_EROFS_LAYER: {
    status: "FAILED_PRECONDITION",
    message: (p: MountParts & { problem: string }) => `${at(p)}: ${p.problem}`,
  },
  KATA_ROOTFS_EROFS_LAYERS: {
    status: "INVALID_ARGUMENT",
    message: (p: { container: string; layers: number; most: number }) =>
      `the root file system of "${p.container}" has ${p.layers} layers; each is a disk of the machine, and ${p.most} are the most. ` +
      "Build the image with fewer, or take another snapshotter for it (overlayfs)",
  },
  KATA_ROOTFS_EROFS_NO_DISKS: {
    status: "FAILED_PRECONDITION",
    message: (p: { container: string }) =>
      `the root file system of "${p.container}" is of the erofs snapshotter: its layers are disks, and disable_block_device_use ` +
      "says that containers have none. Change that, or take another snapshotter (overlayfs)",
  },
});
