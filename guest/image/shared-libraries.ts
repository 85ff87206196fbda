import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ElfLinks, isElf, readElfLinks } from "./elf.js";
import { imageErrors } from "./errors.js";

/** A file of this machine and the path it has, or would have, in the guest. */
export interface PlacedFile {
  readonly source: string;
  readonly path: string;
}

/** What the closure of a program is found in. */
export interface LibrarySearch {
  /** Directories that are searched like `/`, in this order: unpacked packages, then this machine. */
  readonly roots: readonly string[];
  /** The directory of the architecture below `/lib`: `x86_64-linux-gnu`. */
  readonly multiarch: string;
}

/** The dynamic loader's own directories (ld.so(8)), for a machine without a cache of them. */
const loaderDirectories = (multiarch: string): string[] => [
  `/lib/${multiarch}`,
  `/usr/lib/${multiarch}`,
  "/lib64",
  "/usr/lib64",
  "/lib",
  "/usr/lib",
];

function links(file: PlacedFile): ElfLinks | undefined {
  const bytes = readFileSync(file.source);
  return isElf(bytes) ? readElfLinks(bytes, file.source) : undefined;
}

function find(path: string, roots: readonly string[]): PlacedFile | undefined {
  for (const root of roots) {
    const source = join(root, path);
    if (existsSync(source)) return { source, path };
  }
  return undefined;
}

/**
 * The shared libraries and loaders that programs need to run, transitively, as `ldd` would list them, but without running
 * anything: so packages that are only unpacked count too. One that is nowhere is `KATA_GUEST_IMAGE_LIBRARY`.
 */
export function sharedLibraries(programs: readonly PlacedFile[], search: LibrarySearch): PlacedFile[] {
  const found = new Map<string, PlacedFile>();
  const waiting = [...programs];
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    const linked = links(file);
    if (linked === undefined) continue;
    const { path, source } = file;
    const own = linked.searchPaths.map((entry) => entry.replace(/\$(ORIGIN|\{ORIGIN\})/, dirname(path)));
    const directories = [...own, ...loaderDirectories(search.multiarch)];
    const wanted = linked.interpreter === undefined ? linked.needed : [linked.interpreter, ...linked.needed];
    for (const library of wanted) {
      // The loader goes by the name alone: what is loaded once serves everyone who asks for it.
      const name = library.slice(library.lastIndexOf("/") + 1);
      if (found.has(name)) continue;
      const paths = library.includes("/") ? [library] : directories.map((directory) => join(directory, library));
      const hit = paths.map((candidate) => find(candidate, search.roots)).find((one) => one !== undefined);
      if (hit === undefined) {
        throw imageErrors.KATA_GUEST_IMAGE_LIBRARY({ library, neededBy: source, searched: directories });
      }
      found.set(name, hit);
      waiting.push(hit);
    }
  }
  return [...found.values()];
}
