import { cpioArchive } from "../../../guest/image/cpio.js";
import { FileTree } from "../../../guest/image/file-tree.js";
import type { KernelModules } from "../../../guest/image/kernel-modules.js";

/** Tags of the two directories that the machine is given. */
export const shareTags = { root: "root", out: "out" } as const;

/** Where the directory for results is in the machine, and what is kept in it for the machine itself. */
export const outDirectory = "/mnt/host-vm";
export const firstProgram = `${outDirectory}/.boot`;
export const statusFile = ".status";

/** Without these the root file system cannot be mounted. */
const modules = ["virtio_pci", "virtiofs", "overlay"];

/**
 * What the machine boots into: its root is this machine's own, read-only, below a file system in memory that takes what is
 * written. Then `firstProgram` runs in it.
 */
const init = `#!/bin/busybox sh
b=/bin/busybox
fail() { echo "host-vm: $1" >/dev/console; $b poweroff -f; }
$b mount -t devtmpfs dev /dev; $b mount -t proc proc /proc
while read -r module; do $b insmod "/modules/$module" || fail "no module $module"; done </modules/order
$b mount -t virtiofs -o ro ${shareTags.root} /lower || fail "no root"
$b mount -t tmpfs memory /memory; $b mkdir /memory/upper /memory/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/memory/upper,workdir=/memory/work root /new || fail "no overlay"
$b mount --move /dev /new/dev; $b umount /proc
$b mkdir -p /new${outDirectory}; $b mount -t virtiofs ${shareTags.out} /new${outDirectory} || fail "no place for results"
exec $b switch_root /new /bin/sh ${firstProgram}
`;

/** The initial RAM file system of the machine; `busybox` is a statically linked one. */
export async function bootArchive(kernel: KernelModules, busybox: string): Promise<Buffer> {
  const tree = new FileTree();
  for (const directory of ["bin", "dev", "proc", "lower", "memory", "new", "modules"]) tree.directory(`/${directory}`);
  tree.copy("/bin/busybox", busybox, 0o755);
  tree.file("/init", init, 0o755);
  const ordered = await kernel.inLoadOrder(modules);
  for (const { name, data } of ordered) tree.file(`/modules/${name}.ko`, data);
  tree.file("/modules/order", ordered.map(({ name }) => `${name}.ko\n`).join(""));
  return cpioArchive(tree, 0);
}
