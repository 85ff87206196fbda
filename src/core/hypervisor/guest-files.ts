import { closeSync, constants, openSync, readFileSync, readSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import type { HypervisorConfig } from "../config/keys/hypervisor.js";
import { splitKernelParams } from "../config/kernel-params.js";
import { codeOf, messageOf } from "../errors/error.js";
import { hypervisorErrors } from "./errors.js";

/** What the machine boots. */
export interface GuestFiles {
  readonly kernel: string;
  readonly initrd?: string;
  /** The root disk. */
  readonly image?: string;
  /** Parameters by which the kernel, or the initrd, finds the root disk, and what else the built guest wants. */
  readonly parameters: readonly string[];
}

/** Keys of the configuration that choose the guest. */
export type GuestKeys = Pick<HypervisorConfig, "kernel" | "image" | "initrd" | "rootfs_type">;

/** Whose guest it is. */
export interface GuestFileOptions {
  /** Name of the hypervisor, whose table has the keys. */
  readonly hypervisor: string;
  /** Directory of built guests. */
  readonly cache: string;
  /** Tells where a key's value comes from. */
  readonly where: (key: string) => string;
}

/** The guest that `kata-ts guest build` made last. */
interface BuiltGuest {
  readonly kernel: string;
  readonly initrd: string;
  readonly image: string;
  readonly parameters: readonly string[];
}

function builtGuest({ cache, hypervisor }: GuestFileOptions): BuiltGuest {
  const link = join(cache, "current");
  try {
    // The directory behind the link, so that a build meanwhile cannot mix two guests.
    const directory = realpathSync(link);
    const manifest: unknown = JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8"));
    return {
      kernel: join(directory, "vmlinuz"),
      initrd: join(directory, "initrd"),
      image: join(directory, "image"),
      parameters: parametersOf(manifest),
    };
  } catch (error) {
    const problem = codeOf(error) === "ENOENT" ? "no guest image was built" : messageOf(error);
    throw hypervisorErrors.KATA_HYPERVISOR_NO_GUEST({ hypervisor, directory: cache, problem }, { cause: error });
  }
}

function parametersOf(manifest: unknown): readonly string[] {
  if (typeof manifest !== "object" || manifest === null || !("kernelParams" in manifest)) return [];
  const { kernelParams } = manifest;
  if (typeof kernelParams === "string") return splitKernelParams(kernelParams);
  return Array.isArray(kernelParams) ? kernelParams.filter((word) => typeof word === "string") : [];
}

/** Whether a disk begins with a partition table: then its first partition is the root, as in Kata's images. */
function hasPartitions(path: string): boolean {
  const start = Buffer.alloc(512);
  const fd = openSync(path, "r");
  try {
    if (readSync(fd, start, 0, start.length, 0) < start.length) return false;
  } finally {
    closeSync(fd);
  }
  const firstPartitionType = start[446 + 4];
  return start.readUInt16LE(510) === 0xaa55 && firstPartitionType !== 0;
}

/** The parameters by which a root disk of one's own is mounted. */
function rootParameters(image: string, type: string): string[] {
  const device = hasPartitions(image) ? "/dev/vda1" : "/dev/vda";
  const flags = type === "ext4" ? "rootflags=data=ordered,errors=remount-ro" : "rootflags=ro";
  return [`root=${device}`, flags, "ro", `rootfstype=${type}`];
}

/**
 * What the machine boots: what configuration names, and for the rest the guest that was built here. That one's initrd goes
 * with its kernel, which needs it to find any disk. A file that is missing is an error that names its key.
 */
export function guestFiles(keys: GuestKeys, options: GuestFileOptions): GuestFiles {
  const { hypervisor, cache } = options;
  for (const key of ["kernel", "image", "initrd"] as const) {
    if (keys[key] !== "") assertReadable(key, keys[key], options);
  }
  const ownRoot = keys.image !== "" || keys.initrd !== "";
  const built = keys.kernel !== "" && ownRoot ? undefined : builtGuest(options);
  const kernel = keys.kernel === "" ? built?.kernel : keys.kernel;
  const image = ownRoot ? keys.image : built?.image;
  const ownInitrd = keys.initrd !== "" || (keys.kernel !== "" && ownRoot);
  const initrd = ownInitrd ? keys.initrd : built?.initrd;
  if (kernel === undefined)
    throw hypervisorErrors.KATA_HYPERVISOR_NO_GUEST({ hypervisor, directory: cache, problem: "no kernel" });
  const isBuilt = image !== undefined && image === built?.image;
  const parameters = isBuilt
    ? builtParameters(built.parameters)
    : image === undefined || image === ""
      ? []
      : rootParameters(image, keys.rootfs_type);
  return {
    kernel,
    ...(initrd !== undefined && initrd !== "" && { initrd }),
    ...(image !== undefined && image !== "" && { image }),
    parameters,
  };
}

/** The built image is a bare file system; its own parameters count, and the defaults where it says nothing. */
function builtParameters(parameters: readonly string[]): readonly string[] {
  const root = parameters.some((word) => word.startsWith("root=")) ? [] : ["root=/dev/vda", "rootfstype=ext4", "ro"];
  return [...root, ...parameters];
}

function assertReadable(key: string, path: string, { hypervisor, where: tell }: GuestFileOptions): void {
  const where = tell(key);
  try {
    const stat = statSync(path);
    if (stat.isFile() || stat.isBlockDevice()) {
      closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
      return;
    }
  } catch (error) {
    throw hypervisorErrors.KATA_HYPERVISOR_GUEST_FILE(
      { hypervisor, key, path, where, problem: messageOf(error) },
      { cause: error },
    );
  }
  throw hypervisorErrors.KATA_HYPERVISOR_GUEST_FILE({ hypervisor, key, path, where, problem: "it is no file" });
}
