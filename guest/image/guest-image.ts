import { join } from "node:path";
import type { ImageCache } from "./cache.js";
import type { Manifest } from "./manifest.js";

/** A built guest: files to give to a hypervisor, by their absolute paths. */
export interface GuestImage {
  readonly directory: string;
  /** The hash of all it was made of. */
  readonly hash: string;
  /** Whether an earlier build had made it. */
  readonly reused: boolean;
  /** The distribution's kernel as it comes, a bzImage. */
  readonly vmlinuz: string;
  /** The same kernel as an ELF file with a PVH entry: boots faster, at a fixed address. */
  readonly vmlinux: string;
  readonly initrd: string;
  /** The root disk: an ext4 file system without partitions, to be given read-only. */
  readonly image: string;
  readonly manifest: Manifest;
}

/** The image of an entry of the cache. */
export function imageOf(cache: ImageCache, hash: string, reused: boolean): GuestImage {
  const directory = cache.entry(hash);
  return {
    directory,
    hash,
    reused,
    vmlinuz: join(directory, "vmlinuz"),
    vmlinux: join(directory, "vmlinux"),
    initrd: join(directory, "initrd"),
    image: join(directory, "image"),
    manifest: cache.manifest(hash),
  };
}
