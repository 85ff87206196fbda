import { fstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { OpenFlag } from "../../../core/sys/open-flags.js";
import type { Sys } from "../../../core/sys/sys.js";
import { errnoNameOf } from "../../../core/sys/sys-error.js";

/** Directories, files and links that one volume may have, itself counted. */
export const mostEntries = 4096;

/** Something that is to be copied. */
export interface SourceEntry {
  /** Relative to the source; empty for itself. */
  readonly path: string;
  readonly kind: "directory" | "file" | "link";
  readonly stat: Stats;
  /** Where a link points to; it is copied, not followed. */
  readonly target?: string;
}

/** What a source was made of at one time. */
export interface Listing {
  /** Directories before what is in them, then files, then links: a link that is swapped finds what it points to. */
  readonly entries: readonly SourceEntry[];
  /** What there is besides and cannot be copied: sockets, devices, names that are no UTF-8. */
  readonly skipped: readonly string[];
  /** There were more than `mostEntries`; `entries` are the first of them. */
  readonly isCut: boolean;
}

const order = { directory: 0, file: 1, link: 2 } as const;

/**
 * What a directory or a file is made of. Every name is opened from its own directory's descriptor, so that no link, whoever
 * plants it and whenever, leads out of the source; what goes away meanwhile is left out.
 */
export function listSource(sys: Pick<Sys, "files" | "descriptors">, root: number): Listing {
  const entries: SourceEntry[] = [];
  const skipped: string[] = [];
  const visit = (fd: number, path: string): void => {
    const stat = fstatSync(fd);
    if (stat.isFile()) entries.push({ path, kind: "file", stat });
    else if (!stat.isDirectory()) skipped.push(path);
    else {
      entries.push({ path, kind: "directory", stat });
      for (const name of namesIn(sys, fd)) {
        if (entries.length > mostEntries) return;
        visitName(fd, path, name);
      }
    }
  };
  const visitName = (directory: number, above: string, bytes: Buffer): void => {
    const name = bytes.toString();
    const path = above === "" ? name : `${above}/${name}`;
    if (!Buffer.from(name).equals(bytes)) {
      skipped.push(path);
      return;
    }
    const fd = openName(sys, directory, name);
    if (fd === undefined) return;
    try {
      const stat = fstatSync(fd);
      if (!stat.isSymbolicLink()) visit(fd, path);
      else entries.push({ path, kind: "link", stat, target: readlinkSync(`${sys.files.pathOfFd(directory)}/${name}`) });
    } finally {
      sys.descriptors.close(fd);
    }
  };
  visit(root, "");
  const isCut = entries.length > mostEntries;
  return { entries: entries.toSorted((a, b) => order[a.kind] - order[b.kind]), skipped, isCut };
}

function namesIn({ files }: Pick<Sys, "files">, directory: number): Buffer[] {
  return readdirSync(files.pathOfFd(directory), { encoding: "buffer" });
}

/** A descriptor of what has a name in a directory, a link itself; undefined when it has gone. */
function openName({ files }: Pick<Sys, "files">, directory: number, name: string): number | undefined {
  const flags = OpenFlag.pathOnly | OpenFlag.noFollow;
  try {
    return files.openat2(directory, name, { flags, resolve: { beneath: true, noMagicLinks: true } });
  } catch (error) {
    if (errnoNameOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
