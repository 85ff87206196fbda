import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describeError } from "../../src/core/errors/error.js";
import type { Files } from "../../src/core/sys/files.js";
import { createLinuxSys } from "../../src/core/sys/linux/index.js";
import { type Architecture, architectureOf } from "./architecture.js";
import { agentPath, compileAgent } from "./boot-file.js";
import { ImageCache } from "./cache.js";
import { runCommand } from "./command.js";
import { imageErrors } from "./errors.js";
import { writeExt4 } from "./ext4.js";
import { type FileTree, sha256OfFile } from "./file-tree.js";
import { formatVersion } from "./format.js";
import { type GuestImage, imageOf } from "./guest-image.js";
import { buildInitrd } from "./initrd.js";
import { KernelModules } from "./kernel-modules.js";
import { findKernel, type KernelPackage } from "./kernel-package.js";
import { fastBootParams, type Manifest, rootParams } from "./manifest.js";
import { obtainPackages, type Package } from "./packages.js";
import { findPacketFilter } from "./packet-filter.js";
import { rootfsTree } from "./rootfs.js";
import { extractVmlinux } from "./vmlinux.js";

/** Where guest images are kept unless another place is named. */
export const defaultCacheRoot = "/var/cache/kata-ts/guest";

/** The steps of a build, in order. */
export const buildSteps = ["packages", "initrd", "rootfs", "image", "done"] as const;

/** A step of a build that begins. */
export interface BuildProgress {
  readonly step: (typeof buildSteps)[number];
  /** The step's place among all, from 1. */
  readonly index: number;
  readonly total: number;
  /** What is done, for people. */
  readonly message: string;
}

/** What a guest image is built from. */
export interface BuildOptions {
  /** `/var/cache/kata-ts/guest` unless another place is named. */
  readonly cacheRoot?: string;
  /** The agent: one CommonJS file, which finds koffi's native part below `node_modules` beside it. */
  readonly agentBundle: string;
  /** The node that runs the agent: this process's, unless another one is named. */
  readonly node?: string;
  readonly onProgress?: (progress: BuildProgress) => void;
  /** For the lock on the cache. */
  readonly files?: Pick<Files, "lock">;
  /** Milliseconds to wait for another build to end. */
  readonly lockPatience?: number;
}

/** Milliseconds another build may take. */
const defaultLockPatience = 600_000;

/** Everything that goes into an image, and its hash. */
interface Inputs {
  readonly architecture: Architecture;
  readonly kernel: KernelPackage;
  readonly packages: readonly Package[];
  readonly node: string;
  readonly nodeVersion: string;
  readonly initrd: Buffer;
  readonly tree: FileTree;
  readonly hash: string;
}

type Tell = (step: BuildProgress["step"], message: string) => void;

function checkAgent(path: string): void {
  try {
    if (statSync(path).isFile()) return;
  } catch (cause) {
    throw imageErrors.KATA_GUEST_IMAGE_AGENT({ path, problem: describeError(cause) }, { cause });
  }
  throw imageErrors.KATA_GUEST_IMAGE_AGENT({ path, problem: "it is no file" });
}

/** koffi's native part as this project has it installed. */
function nativeKoffi(architecture: Architecture): string {
  return createRequire(import.meta.url).resolve(architecture.koffi);
}

/** Where a package's paths are below. */
function rootOf(holder: string, packages: readonly Package[]): string {
  const found = packages.find(({ name }) => name === holder);
  if (found !== undefined) return found.root;
  throw imageErrors.KATA_GUEST_IMAGE_PACKAGE({ packages: [holder], problem: "apt-get did not plan to fetch it" });
}

/** A program by its name below `/usr/bin` or `/bin` of its package. */
function program(name: string, packages: readonly Package[], holder: string): string {
  const root = rootOf(holder, packages);
  const found = [join(root, "usr/bin", name), join(root, "bin", name)].find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw imageErrors.KATA_GUEST_IMAGE_FILE({ path: `/usr/bin/${name}`, package: holder });
}

/** The hash of the inputs: packages, kernel, initrd and every path, mode and byte of the root file system. */
function hashOf(inputs: Omit<Inputs, "hash">): string {
  const parts = [
    `format ${formatVersion}`,
    `node ${inputs.nodeVersion}`,
    ...inputs.packages.map(({ name, version }) => `package ${name} ${version}`),
    `kernel ${inputs.kernel.release} ${sha256OfFile(inputs.kernel.image)}`,
    `params ${[...rootParams, ...fastBootParams].join(" ")}`,
    `initrd ${createHash("sha256").update(inputs.initrd).digest("hex")}`,
    `rootfs ${inputs.tree.digest()}`,
  ];
  return createHash("sha256").update(parts.join("\n")).digest("hex");
}

async function gather(options: BuildOptions, cache: ImageCache, tell: Tell): Promise<Inputs> {
  const architecture = architectureOf(process.arch);
  const node = options.node ?? process.execPath;
  tell("packages", "looking for the kernel, crun, busybox and iptables among the packages of the distribution");
  const kernel = await findKernel(architecture, cache.packages);
  const tools = await obtainPackages(["busybox-static", "crun", "iptables"], cache.packages);
  const packages = [...tools, kernel.package].sort((a, b) => (a.name < b.name ? -1 : 1));
  const busybox = program("busybox", tools, "busybox-static");
  const modules = new KernelModules(kernel.modules, kernel.release);

  const names = packages.map(
    ({ name, version, origin }) => `${name} ${version}${origin === "installed" ? "" : " (fetched)"}`,
  );
  tell("initrd", `making the initrd from ${names.join(", ")}`);
  const initrd = await buildInitrd(modules, busybox);

  tell("rootfs", `gathering the root file system around node ${node}`);
  const tree = await rootfsTree({
    architecture,
    node,
    crun: program("crun", tools, "crun"),
    busybox,
    agentBundle: options.agentBundle,
    koffi: nativeKoffi(architecture),
    packetFilter: findPacketFilter(rootOf("iptables", tools), architecture.multiarch),
    kernel: modules,
    libraryRoots: [...new Set([...tools.map(({ root }) => root), "/"])].sort((a, b) => b.length - a.length),
  });
  const nodeVersion = (await runCommand(node, ["--version"])).toString("utf8").trim();
  const inputs = { architecture, kernel, packages, node, nodeVersion, initrd, tree };
  return { ...inputs, hash: hashOf(inputs) };
}

function manifestOf(inputs: Inputs, directory: string, names: readonly string[]): Manifest {
  const file = (name: string): [string, { size: number; sha256: string }] => {
    const path = join(directory, name);
    return [name, { size: statSync(path).size, sha256: sha256OfFile(path) }];
  };
  return {
    format: formatVersion,
    hash: inputs.hash,
    architecture: inputs.architecture.name,
    kernelRelease: inputs.kernel.release,
    kernelParams: [...rootParams, ...fastBootParams],
    nodeVersion: inputs.nodeVersion,
    packages: inputs.packages.map(({ name, version, origin }) => ({ name, version, origin })),
    files: Object.fromEntries(names.map(file)),
  };
}

/** Makes the entry of the inputs in a directory of its own, then gives it its name. */
async function make(inputs: Inputs, options: BuildOptions, cache: ImageCache, tell: Tell): Promise<void> {
  const work = cache.workDirectory();
  try {
    const result = join(work, "entry");
    mkdirSync(result, { mode: 0o755 });
    copyFileSync(inputs.kernel.image, join(result, "vmlinuz"));
    writeFileSync(join(result, "vmlinux"), await extractVmlinux(readFileSync(inputs.kernel.image)));
    writeFileSync(join(result, "initrd"), inputs.initrd);
    tell("image", "writing the image");
    inputs.tree.file(`${agentPath}.cache`, await compileAgent(inputs.node, options.agentBundle));
    await writeExt4(inputs.tree, join(result, "image"), work);
    const names = ["image", "initrd", "vmlinux", "vmlinuz"];
    for (const name of names) chmodSync(join(result, name), 0o644);
    writeFileSync(join(result, "manifest.json"), `${JSON.stringify(manifestOf(inputs, result, names), null, 2)}\n`);
    cache.publish(result, inputs.hash);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Builds the guest's kernel, initrd and root image from packages of the distribution, or finds them in the cache when the
 * same inputs were built before; `current` leads to it then. Builds of several processes wait for one another, and one that
 * is interrupted leaves no half entry. Nothing is installed on this machine: what it lacks is fetched and unpacked aside.
 */
export async function buildGuestImage(options: BuildOptions): Promise<GuestImage> {
  checkAgent(options.agentBundle);
  const cache = new ImageCache(options.cacheRoot ?? defaultCacheRoot);
  const tell: Tell = (step, message) =>
    options.onProgress?.({ step, index: buildSteps.indexOf(step) + 1, total: buildSteps.length, message });
  cache.create();
  const files = options.files ?? createLinuxSys().files;
  const ms = options.lockPatience ?? defaultLockPatience;
  const lock = await files.lock(cache.lockPath, {
    ms,
    what: `another build of the guest image in ${cache.root} to end`,
  });
  try {
    const inputs = await gather(options, cache, tell);
    const reused = cache.has(inputs.hash);
    if (!reused) await make(inputs, options, cache, tell);
    cache.select(inputs.hash);
    cache.prune(inputs.packages.map(({ root }) => root));
    tell("done", `${reused ? "found" : "built"} ${cache.entry(inputs.hash)}`);
    return imageOf(cache, inputs.hash, reused);
  } finally {
    lock.release();
  }
}
