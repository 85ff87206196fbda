import { join } from "node:path";
import { runCommand } from "./command.js";
import type { Architecture } from "./architecture.js";
import { agentDirectory, agentPath, bootFile } from "./boot-file.js";
import { FileTree } from "./file-tree.js";
import { addModules, type KernelModule, type KernelModules } from "./kernel-modules.js";
import type { PacketFilter } from "./packet-filter.js";
import { agentModules, optionalModules } from "./rootfs-modules.js";
import { type PlacedFile, sharedLibraries } from "./shared-libraries.js";

/** What the root file system is made of. */
export interface RootfsParts {
  readonly architecture: Architecture;
  /** The node that runs the agent. */
  readonly node: string;
  readonly crun: string;
  /** A statically linked one. */
  readonly busybox: string;
  readonly agentBundle: string;
  /** koffi's native part, which the agent requires; without it when the agent needs none. */
  readonly koffi?: string;
  readonly packetFilter: PacketFilter;
  readonly kernel: KernelModules;
  /** Directories to look for shared libraries in, each like `/`. */
  readonly libraryRoots: readonly string[];
}

/** Empty places for mounts and for what the agent binds onto. */
const directories: readonly [string, number][] = [
  ["/dev", 0o755],
  ["/etc", 0o755],
  ["/mnt", 0o755],
  ["/proc", 0o555],
  ["/root", 0o700],
  ["/run", 0o755],
  ["/sys", 0o555],
  ["/tmp", 0o1777],
  ["/var", 0o755],
  ["/var/lib", 0o755],
];

const symlinks: readonly [string, string][] = [
  ["/bin", "usr/bin"],
  ["/sbin", "usr/sbin"],
  ["/lib", "usr/lib"],
  ["/lib64", "usr/lib64"],
  ["/etc/mtab", "../proc/self/mounts"],
  ["/var/run", "../run"],
  ["/var/tmp", "../tmp"],
];

const files: readonly [string, string][] = [
  ["/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"],
  ["/etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"],
  ["/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"],
  ["/etc/hostname", ""],
  ["/etc/resolv.conf", ""],
];

/** `/lib/x` and `/usr/lib/x` are one place, as in the distribution. */
const merged = (path: string): string => path.replace(/^\/(bin|sbin|lib|lib64)\//, "/usr/$1/");

/** Names of the programs a busybox holds. */
async function applets(busybox: string): Promise<string[]> {
  const list = await runCommand(busybox, ["--list-full"]);
  return list
    .toString("utf8")
    .split("\n")
    .filter((path) => path !== "");
}

async function modulesOf(kernel: KernelModules): Promise<KernelModule[]> {
  const optional = optionalModules.flatMap((pattern) => kernel.matching(pattern));
  return kernel.inLoadOrder([...agentModules, ...optional]);
}

/** The root file system of the guest, but for the agent's code cache. It is mounted read-only. */
export async function rootfsTree(parts: RootfsParts): Promise<FileTree> {
  const tree = new FileTree();
  for (const [path, mode] of directories) tree.directory(path, mode);
  for (const [path, target] of symlinks) tree.symlink(path, target);
  for (const [path, content] of files) tree.file(path, content);

  const programs: PlacedFile[] = [
    { path: "/usr/bin/node", source: parts.node },
    { path: "/usr/bin/crun", source: parts.crun },
    { path: "/usr/bin/busybox", source: parts.busybox },
    ...parts.packetFilter.files,
  ];
  if (parts.koffi !== undefined) {
    programs.push({ path: `${agentDirectory}/node_modules/${parts.architecture.koffi}`, source: parts.koffi });
  }
  const search = { roots: parts.libraryRoots, multiarch: parts.architecture.multiarch };
  for (const { path, source } of [...programs, ...sharedLibraries(programs, search)]) {
    tree.copy(merged(path), source, 0o755);
  }

  for (const [path, target] of parts.packetFilter.symlinks) tree.symlink(path, target);

  tree.copy(agentPath, parts.agentBundle);
  tree.file("/usr/sbin/init", bootFile, 0o755);
  for (const applet of await applets(parts.busybox)) {
    const path = merged(join("/", applet));
    if (!tree.has(path)) tree.symlink(path, "/usr/bin/busybox");
  }
  addModules(tree, parts.kernel, await modulesOf(parts.kernel));
  return tree;
}
