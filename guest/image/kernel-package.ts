import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Architecture } from "./architecture.js";
import { imageErrors } from "./errors.js";
import { downloadPackage, installedVersions, type Package, packageRecord } from "./packages.js";

/** The distribution's kernel for guests. */
export interface KernelPackage {
  readonly package: Package;
  /** What `uname -r` says of it. */
  readonly release: string;
  /** The bzImage. */
  readonly image: string;
  /** The directory of its modules. */
  readonly modules: string;
}

const prefix = "linux-image-";

/** Orders releases by their numbers: 6.1.0-9 before 6.1.0-10. */
export function compareReleases(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

function kernelIn(found: Package): KernelPackage | undefined {
  const release = found.name.slice(prefix.length).replace(/-unsigned$/, "");
  const image = join(found.root, "boot", `vmlinuz-${release}`);
  const modules = ["usr/lib/modules", "lib/modules"]
    .map((directory) => join(found.root, directory, release))
    .find((directory) => existsSync(join(directory, "kernel")));
  return modules !== undefined && existsSync(image) ? { package: found, release, image, modules } : undefined;
}

/**
 * The newest cloud kernel that is installed here; when there is none, the one the package lists have, fetched and unpacked
 * below `store`. Whose files are gone (a container's `/boot` is often emptied) does not count as installed.
 */
export async function findKernel(architecture: Architecture, store: string): Promise<KernelPackage> {
  const installed = await installedVersions([`${prefix}*-${architecture.kernelFlavour}`]);
  const newestFirst = [...installed].sort(([a], [b]) => compareReleases(b, a));
  for (const [name, version] of newestFirst) {
    const found = kernelIn({ name, version, origin: "installed", root: "/" });
    if (found !== undefined) return found;
  }
  const meta = `${prefix}${architecture.kernelFlavour}`;
  const depends = /^Depends: (.+)$/m.exec(await packageRecord(meta))?.[1] ?? "";
  const name = depends.split(/[ ,|]+/).find((word) => word.startsWith(prefix));
  if (name === undefined) {
    throw imageErrors.KATA_GUEST_IMAGE_PACKAGE({ packages: [meta], problem: "it does not name a kernel" });
  }
  const fetched = kernelIn(await downloadPackage(name, store));
  if (fetched === undefined) throw imageErrors.KATA_GUEST_IMAGE_FILE({ path: "/boot/vmlinuz-*", package: name });
  return fetched;
}
