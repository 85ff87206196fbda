import { join } from "node:path";
import { cpioArchive } from "./cpio.js";
import { FileTree } from "./file-tree.js";
import { imageTime } from "./format.js";
import {
  busModules,
  deviceModules,
  earlyMounts,
  initScript,
  rootFileSystems,
  rootModules,
  rootMounts,
} from "./init-script.js";
import { addModules, type KernelModules } from "./kernel-modules.js";

/** Modules without which the root disk cannot be found or the host not be reached. */
const bootModules: readonly string[] = [
  ...Object.values(busModules),
  ...Object.values(rootModules).flat(),
  ...Object.values(deviceModules),
  ...rootFileSystems,
];

/**
 * The initial RAM file system, not compressed: at this size unpacking takes longer than reading it. `busybox` is a
 * statically linked one.
 */
export async function buildInitrd(kernel: KernelModules, busybox: string): Promise<Buffer> {
  const tree = new FileTree();
  for (const directory of ["bin", "dev", "etc", "new", "proc", "sys", "usr"]) tree.directory(join("/", directory));
  tree.symlink("/lib", "usr/lib");
  tree.copy("/bin/busybox", busybox, 0o755);
  tree.file("/init", initScript, 0o755);
  tree.file("/etc/fstab", earlyMounts);
  tree.file("/etc/fstab.root", rootMounts);
  addModules(tree, kernel, await kernel.inLoadOrder(bootModules));
  return cpioArchive(tree, imageTime);
}
