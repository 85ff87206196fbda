import { createHash, type Hash } from "node:crypto";
import { closeSync, copyFileSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { posix } from "node:path";
import { imageErrors } from "./errors.js";

/** A directory of a tree. */
export interface DirectoryEntry {
  readonly kind: "directory";
  readonly mode: number;
}

/** A symbolic link of a tree. */
export interface SymlinkEntry {
  readonly kind: "symlink";
  readonly target: string;
}

/** A file of a tree: bytes that were made, or those of a file of this machine. */
export interface FileEntry {
  readonly kind: "file";
  readonly mode: number;
  /** The file of this machine that it is, when it is one. */
  readonly source?: string;
  read(): Buffer;
  /** Bytes. */
  size(): number;
  /** Writes it as `path`. */
  copyTo(path: string, write: (path: string, data: Buffer) => void): void;
}

export type TreeEntry = DirectoryEntry | SymlinkEntry | FileEntry;

/** Bytes read at once while a file is hashed. */
const chunk = 1 << 20;

function hashFile(path: string, hash: Hash): void {
  const fd = openSync(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(chunk);
    for (let read = readSync(fd, buffer); read > 0; read = readSync(fd, buffer)) hash.update(buffer.subarray(0, read));
  } finally {
    closeSync(fd);
  }
}

/** SHA-256 of a file's bytes, in hexadecimal. */
export function sha256OfFile(path: string): string {
  const hash = createHash("sha256");
  hashFile(path, hash);
  return hash.digest("hex");
}

/**
 * What a file system is to hold: paths with what stands there, kept apart from any real directory so that it can be
 * hashed, archived or written out. Missing parents are made with mode 0755. A path is set once.
 */
export class FileTree {
  readonly #entries = new Map<string, TreeEntry>();

  directory(path: string, mode = 0o755): void {
    this.#set(path, { kind: "directory", mode });
  }

  symlink(path: string, target: string): void {
    this.#set(path, { kind: "symlink", target });
  }

  /** A file of these bytes. */
  file(path: string, data: Buffer | string, mode = 0o644): void {
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    this.#set(path, {
      kind: "file",
      mode,
      read: () => bytes,
      size: () => bytes.length,
      copyTo: (to, write) => write(to, bytes),
    });
  }

  /** A file of this machine; its symbolic links are followed. */
  copy(path: string, source: string, mode = 0o644): void {
    const read = (): Buffer => readFileSync(source);
    const size = (): number => statSync(source).size;
    this.#set(path, { kind: "file", mode, source, read, size, copyTo: (to) => copyFileSync(source, to) });
  }

  has(path: string): boolean {
    return this.#entries.has(path);
  }

  get(path: string): TreeEntry | undefined {
    return this.#entries.get(path);
  }

  /** All of it sorted by path, so parents come first. */
  entries(): [string, TreeEntry][] {
    return [...this.#entries].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** A digest of every path, mode and byte. */
  digest(): string {
    const hash = createHash("sha256");
    for (const [path, entry] of this.entries()) {
      hash.update(`${entry.kind} ${path}\0${entry.kind === "symlink" ? entry.target : entry.mode.toString(8)}\0`);
      if (entry.kind !== "file") continue;
      const content = entry.source === undefined ? createHash("sha256").update(entry.read()).digest("hex") : undefined;
      hash.update(content ?? sha256OfFile(entry.source ?? ""));
    }
    return hash.digest("hex");
  }

  #set(path: string, entry: TreeEntry): void {
    if (!path.startsWith("/") || path !== posix.normalize(path) || path.endsWith("/")) {
      throw imageErrors.KATA_GUEST_IMAGE_FORMAT({ what: path, problem: "it is no plain absolute path" });
    }
    const before = this.#entries.get(path);
    if (before !== undefined && !(before.kind === "directory" && entry.kind === "directory")) {
      throw imageErrors.KATA_GUEST_IMAGE_FORMAT({ what: path, problem: "it would be in the image twice" });
    }
    const parent = posix.dirname(path);
    if (parent !== "/") {
      const above = this.#entries.get(parent);
      if (above === undefined) this.directory(parent);
      else if (above.kind !== "directory") {
        throw imageErrors.KATA_GUEST_IMAGE_FORMAT({ what: path, problem: `${parent} is a ${above.kind}` });
      }
    }
    this.#entries.set(path, entry);
  }
}
