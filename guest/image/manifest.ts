import type { Package } from "./packages.js";

/** A file of a built image. */
export interface ManifestFile {
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
}

/** `manifest.json` beside a built image: what it was made of. It has no time in it, so equal inputs give equal bytes. */
export interface Manifest {
  readonly format: number;
  /** The hash of all inputs, and the name of the directory. */
  readonly hash: string;
  /** Node's name of the processor architecture. */
  readonly architecture: string;
  /** What `uname -r` says in the guest. */
  readonly kernelRelease: string;
  /** Parameters the kernel is to be given: the root disk, and what shortens its start. */
  readonly kernelParams: readonly string[];
  readonly nodeVersion: string;
  readonly packages: readonly Pick<Package, "name" | "version" | "origin">[];
  readonly files: Readonly<Record<string, ManifestFile>>;
}

/** Where the guest's root is, for an image that is the machine's first virtio disk. */
export const rootParams: readonly string[] = ["root=/dev/vda", "rootfstype=ext4", "ro"];

/**
 * Parameters that shorten the start of Debian's cloud kernel. None weakens the
 * guest: the mitigations of processor bugs, the security modules and zeroed memory stay as the distribution has them.
 */
export const fastBootParams: readonly string[] = [
  // Ciphers are not tried out before their first use.
  "cryptomgr.notests",
  // The hypervisor's clock is taken as it is, and not measured against slower ones.
  "tsc=reliable",
  "no_timer_check",
  // On one processor the locked instructions stay as they are, instead of being patched out one by one.
  "noreplace-smp",
];

/** Reads what `JSON.parse` made of a manifest; undefined when it is none of this format's. */
export function asManifest(value: unknown, format: number): Manifest | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const fields: Partial<Record<keyof Manifest, unknown>> = value;
  const strings = [fields.hash, fields.kernelRelease, fields.architecture, fields.nodeVersion];
  if (fields.format !== format || strings.some((field) => typeof field !== "string")) return undefined;
  if (!Array.isArray(fields.kernelParams) || !fields.kernelParams.every((word) => typeof word === "string")) {
    return undefined;
  }
  return value as Manifest;
}
