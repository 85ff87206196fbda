import { fstatSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { codeOf, messageOf } from "../errors/error.js";
import { OpenFlag } from "../sys/open-flags.js";
import type { Sys } from "../sys/sys.js";
import { errnoNameOf } from "../sys/sys-error.js";
import { diskErrors } from "./errors.js";

/** A block device of the host. */
export interface HostBlockDevice {
  /** Its node in the host's device file system. */
  readonly path: string;
  readonly major: number;
  readonly minor: number;
}

/** Where the kernel tells of devices, and where their nodes are. Parameters, so that tests have their own. */
export interface DeviceRoots {
  readonly sys: string;
  readonly dev: string;
}

const hostRoots: DeviceRoots = { sys: "/sys", dev: "/dev" };

/** makedev(3): 12 low bits and 20 high ones of the major's and minor's 32. */
export const majorOf = (rdev: number): number => Math.floor(rdev / 256) & 0xfff;
export const minorOf = (rdev: number): number => (rdev & 0xff) | (Math.floor(rdev / 0x1000) & 0xfff00);

/**
 * The block device that a path names; undefined when it is none, or nothing is there. Links are followed below `/dev` alone,
 * where only root makes them.
 *
 * A node that is not of the host's own device file system is `KATA_DISK_SOURCE`: whoever may make nodes in a volume, a guest
 * among them, would get every disk of the host by a name in it. Bind mounts of nodes, which CSI drivers publish, are of it.
 */
export function hostBlockDevice(sys: Pick<Sys, "files" | "descriptors">, source: string, roots = hostRoots) {
  const fd = openNode(sys, source, roots);
  if (fd === undefined) return undefined;
  try {
    const stat = fstatSync(fd);
    if (!stat.isBlockDevice()) return undefined;
    if (stat.dev !== statSync(roots.dev).dev) {
      const problem = `it is a block device's node, but not of the host's own ${roots.dev}; whoever made it may have had no right to the device`;
      throw diskErrors.KATA_DISK_SOURCE({ source, problem });
    }
    return blockDeviceByNumber(majorOf(stat.rdev), minorOf(stat.rdev), roots);
  } finally {
    sys.descriptors.close(fd);
  }
}

function openNode({ files }: Pick<Sys, "files">, source: string, { dev }: DeviceRoots): number | undefined {
  if (!source.startsWith("/")) return undefined;
  const isDevice = source.startsWith(`${dev}/`) && !source.split("/").includes("..");
  try {
    const flags = OpenFlag.pathOnly | (isDevice ? 0 : OpenFlag.noFollow);
    return files.openat2("/", source, { flags, resolve: { noMagicLinks: true } });
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoNameOf(error) ?? "")) return undefined;
    throw diskErrors.KATA_DISK_SOURCE({ source, problem: messageOf(error) }, { cause: error });
  }
}

/** The block device that the kernel has under these numbers (`/sys/dev/block`); `KATA_DISK_SOURCE` when it has none. */
export function blockDeviceByNumber(major: number, minor: number, roots = hostRoots): HostBlockDevice {
  const source = `the block device ${major}:${minor}`;
  const file = join(roots.sys, "dev/block", `${major}:${minor}`, "uevent");
  let name: string | undefined;
  try {
    name = /^DEVNAME=([\w!.-][\w!./-]*)$/m.exec(readFileSync(file, "utf8"))?.[1];
  } catch (error) {
    const problem = codeOf(error) === "ENOENT" ? "the host has none with these numbers" : messageOf(error);
    throw diskErrors.KATA_DISK_SOURCE({ source, problem }, { cause: error });
  }
  if (name === undefined || name.includes("..")) {
    throw diskErrors.KATA_DISK_SOURCE({ source, problem: `${file} has no name for it` });
  }
  const path = join(roots.dev, name);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isBlockDevice() !== true || majorOf(stat.rdev) !== major || minorOf(stat.rdev) !== minor) {
    throw diskErrors.KATA_DISK_SOURCE({ source, problem: `${path}, the kernel's name for it, is not its node` });
  }
  return { path, major, minor };
}
