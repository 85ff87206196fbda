import { readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { decompress } from "./decompress.js";
import { elfSection } from "./elf.js";
import { imageErrors } from "./errors.js";
import type { FileTree } from "./file-tree.js";

/** A kernel module, and what its `.modinfo` section says of it. */
export interface KernelModule {
  /** With underscores, as the kernel itself names it. */
  readonly name: string;
  /** Below `/lib/modules/<release>`: `kernel/fs/fuse/fuse.ko`, without the ending of a compression. */
  readonly path: string;
  /** The module's bytes, unpacked. */
  readonly data: Buffer;
  /** Names of the modules that must be loaded before it. */
  readonly depends: readonly string[];
  /** What else it is asked for by: `net-pf-40`, `pci:v00001AF4d*…`. */
  readonly aliases: readonly string[];
}

const compressed = /\.ko(\.(xz|gz|zst))?$/;

/** `virtio-rng` and `virtio_rng` are one module. */
export const moduleName = (name: string): string => name.replaceAll("-", "_");

/** The `key=value` strings of a `.modinfo` section. */
export function parseModinfo(section: Buffer): [string, string][] {
  const strings = section.toString("latin1").split("\0");
  return strings
    .filter((entry) => entry.includes("="))
    .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]);
}

/**
 * The modules of one kernel, read from the module files themselves: an unpacked package has no `modules.dep`, which
 * depmod(8) writes only when it is installed.
 */
export class KernelModules {
  readonly release: string;
  readonly #directory: string;
  readonly #paths = new Map<string, string>();
  readonly #builtIn: ReadonlySet<string>;
  readonly #read = new Map<string, KernelModule>();

  /** `directory` is `/lib/modules/<release>`, or where that was unpacked. */
  constructor(directory: string, release: string) {
    this.release = release;
    this.#directory = directory;
    for (const entry of readdirSync(join(directory, "kernel"), { recursive: true, withFileTypes: true })) {
      if (!compressed.test(entry.name)) continue;
      const path = join(entry.parentPath, entry.name);
      this.#paths.set(moduleName(entry.name.replace(compressed, "")), path);
    }
    this.#builtIn = new Set(this.builtInPaths().map((path) => moduleName(basename(path, ".ko"))));
  }

  /** Paths of the modules that are part of the kernel itself. */
  builtInPaths(): string[] {
    const list = readFileSync(join(this.#directory, "modules.builtin"), "utf8");
    return list.split("\n").filter((line) => line !== "");
  }

  /** Names that fit a pattern, in which `*` stands for anything. */
  matching(pattern: string): string[] {
    const expression = new RegExp(`^${moduleName(pattern).replaceAll("*", ".*")}$`);
    return [...this.#paths.keys()].filter((name) => expression.test(name)).sort();
  }

  /**
   * The wanted modules with all they depend on, each after what it depends on. Ones built into the kernel need no loading
   * and are left out; one that exists in neither way is `KATA_GUEST_IMAGE_MODULE`.
   */
  async inLoadOrder(wanted: readonly string[]): Promise<KernelModule[]> {
    const ordered = new Map<string, KernelModule>();
    const begun = new Set<string>();
    const visit = async (name: string, neededBy: string): Promise<void> => {
      if (ordered.has(name) || (this.#builtIn.has(name) && !this.#paths.has(name))) return;
      const found = await this.#module(name, neededBy);
      if (begun.has(name)) {
        throw imageErrors.KATA_GUEST_IMAGE_FORMAT({ what: `the module ${name}`, problem: "it depends on itself" });
      }
      begun.add(name);
      for (const dependency of found.depends) await visit(dependency, `the module ${name}`);
      ordered.set(name, found);
    };
    for (const name of wanted) await visit(moduleName(name), "the guest");
    return [...ordered.values()];
  }

  async #module(name: string, neededBy: string): Promise<KernelModule> {
    const before = this.#read.get(name);
    if (before !== undefined) return before;
    const file = this.#paths.get(name);
    if (file === undefined) {
      throw imageErrors.KATA_GUEST_IMAGE_MODULE({ module: name, release: this.release, neededBy });
    }
    const data = await decompress(readFileSync(file));
    const section = elfSection(data, ".modinfo", file);
    if (section === undefined) {
      throw imageErrors.KATA_GUEST_IMAGE_FORMAT({ what: file, problem: "it has no .modinfo section" });
    }
    const info = parseModinfo(section);
    const values = (key: string): string[] => info.filter(([k]) => k === key).map(([, value]) => value);
    const depends = values("depends").flatMap((list) => list.split(","));
    const found: KernelModule = {
      name,
      path: relative(this.#directory, file).replace(compressed, ".ko"),
      data,
      depends: depends.filter((one) => one !== "").map(moduleName),
      aliases: values("alias"),
    };
    this.#read.set(name, found);
    return found;
  }
}

/** `modules.dep` of these modules: each with all that must be loaded before it, nearest first, as depmod(8) writes it. */
export function modulesDep(modules: readonly KernelModule[]): string {
  const byName = new Map(modules.map((module) => [module.name, module]));
  const below = (module: KernelModule, seen: Set<KernelModule>): Set<KernelModule> => {
    for (const name of module.depends) {
      const dependency = byName.get(name);
      if (dependency === undefined) continue;
      // A module met again moves to the end: it must be loaded before all that need it.
      seen.delete(dependency);
      seen.add(dependency);
      below(dependency, seen);
    }
    return seen;
  };
  const lines = modules.map((module) => {
    const paths = [...below(module, new Set())].map((dependency) => ` ${dependency.path}`);
    return `${module.path}:${paths.join("")}\n`;
  });
  return lines.sort().join("");
}

/** `modules.alias` of these modules. */
export function modulesAlias(modules: readonly KernelModule[]): string {
  const lines = modules.flatMap(({ name, aliases }) => aliases.map((alias) => `alias ${alias} ${name}\n`));
  return lines.sort().join("");
}

/** Puts modules into a tree below `/usr/lib/modules/<release>`, with the tables that modprobe(8) goes by. */
export function addModules(tree: FileTree, kernel: KernelModules, modules: readonly KernelModule[]): void {
  const directory = `/usr/lib/modules/${kernel.release}`;
  for (const module of modules) tree.file(`${directory}/${module.path}`, module.data);
  tree.file(`${directory}/modules.dep`, modulesDep(modules));
  tree.file(`${directory}/modules.alias`, modulesAlias(modules));
  tree.file(`${directory}/modules.builtin`, `${kernel.builtInPaths().join("\n")}\n`);
}
