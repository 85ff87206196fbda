import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { codeOf, messageOf } from "../../src/core/errors/error.js";
import { imageErrors } from "./errors.js";
import { formatVersion } from "./format.js";
import { asManifest, type Manifest } from "./manifest.js";

const currentLink = "current";
const workPrefix = ".work-";
const entryName = /^[0-9a-f]{64}$/;

/** Images that are kept besides the current one, for machines that were set to them by path. */
const keptEntries = 2;

/**
 * The directory of built images: `<hash of the inputs>/`, the link `current` to the one built last, `packages/` with what
 * was fetched for them. An entry appears whole or not at all. Whoever changes anything holds `lockPath`.
 */
export class ImageCache {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  get lockPath(): string {
    return join(this.root, ".lock");
  }

  /** Where fetched packages are unpacked. */
  get packages(): string {
    return join(this.root, "packages");
  }

  /** Makes the directory itself. */
  create(): void {
    mkdirSync(this.packages, { recursive: true, mode: 0o755 });
  }

  entry(hash: string): string {
    return join(this.root, hash);
  }

  has(hash: string): boolean {
    return existsSync(join(this.entry(hash), "manifest.json"));
  }

  /** The hash that `current` leads to; undefined when nothing was built. */
  currentHash(): string | undefined {
    try {
      return readlinkSync(join(this.root, currentLink));
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  /** What an entry's manifest says; `KATA_GUEST_IMAGE_BROKEN` when that cannot be read. */
  manifest(hash: string): Manifest {
    const directory = this.entry(hash);
    let manifest: Manifest | undefined;
    try {
      manifest = asManifest(JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")), formatVersion);
    } catch (cause) {
      throw imageErrors.KATA_GUEST_IMAGE_BROKEN({ directory, problem: messageOf(cause) }, { cause });
    }
    if (manifest !== undefined && manifest.hash === hash) return manifest;
    throw imageErrors.KATA_GUEST_IMAGE_BROKEN({ directory, problem: "its manifest.json is not one of this version" });
  }

  /** A directory to build in, on the same file system. Ones that a crashed build left are removed. */
  workDirectory(): string {
    for (const name of readdirSync(this.root)) {
      if (name.startsWith(workPrefix)) rmSync(join(this.root, name), { recursive: true, force: true });
    }
    return mkdtempSync(join(this.root, workPrefix));
  }

  /** Makes a finished directory the entry of `hash`. Its files are on disk before its name is. */
  publish(directory: string, hash: string): void {
    for (const name of readdirSync(directory)) sync(join(directory, name));
    sync(directory);
    const entry = this.entry(hash);
    // What stands there without a manifest is no entry.
    rmSync(entry, { recursive: true, force: true });
    renameSync(directory, entry);
    sync(this.root);
  }

  /** Has `current` lead to an entry, at once. */
  select(hash: string): void {
    if (this.currentHash() === hash) return;
    const link = join(this.root, currentLink);
    const next = `${link}.next`;
    rmSync(next, { force: true });
    symlinkSync(hash, next);
    renameSync(next, link);
    sync(this.root);
  }

  /**
   * Removes entries but the current one and those built last, and unpacked packages but the ones at `usedPackages`. A
   * machine that runs keeps the files it has open.
   */
  prune(usedPackages: readonly string[]): void {
    for (const name of readdirSync(this.packages)) {
      const path = join(this.packages, name);
      if (!usedPackages.includes(path)) rmSync(path, { recursive: true, force: true });
    }
    const current = this.currentHash();
    const others = readdirSync(this.root).filter((name) => entryName.test(name) && name !== current);
    const age = (name: string): number => statSync(this.entry(name)).mtimeMs;
    const oldest = others.sort((a, b) => age(b) - age(a)).slice(keptEntries);
    for (const name of oldest) rmSync(this.entry(name), { recursive: true, force: true });
  }
}

function sync(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
