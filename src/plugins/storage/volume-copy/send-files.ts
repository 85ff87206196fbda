import { fstatSync, readSync } from "node:fs";
import type { AgentCapabilities } from "../../../core/contracts/agent.js";
import { OpenFlag } from "../../../core/sys/open-flags.js";
import type { Sys } from "../../../core/sys/sys.js";
import { errnoNameOf } from "../../../core/sys/sys-error.js";
import type { SourceEntry } from "./list-source.js";

/** Bytes that one volume may have in files. */
export const mostBytes = 64 * 2 ** 20;

/** Bytes of one request: well below the 4 MiB that a message of ttrpc may have. */
const pieceBytes = 2 ** 20;

const typeBits = { directory: 0o040000, file: 0o100000, link: 0o120000 } as const;

/** Mode of directories above a copy, which only the agent sees. */
const directoryMode = 0o700;

/** Says that the files have more than `mostBytes`. */
export class TooManyBytes extends Error {}

/** A copy in the guest. It knows what it has, and sends what is new or has changed. */
export class GuestCopy {
  readonly #sys: Pick<Sys, "files" | "descriptors">;
  readonly #agent: AgentCapabilities["copy-file"];
  readonly #path: string;
  /** What of each entry was sent last. */
  readonly #sent = new Map<string, string>();

  /** `path` is the guest's, of the copy itself. */
  constructor(sys: Pick<Sys, "files" | "descriptors">, agent: AgentCapabilities["copy-file"], path: string) {
    this.#sys = sys;
    this.#agent = agent;
    this.#path = path;
  }

  /** Takes these to be in the guest already, as they are. */
  assume(entries: readonly SourceEntry[]): void {
    for (const entry of entries) this.#sent.set(entry.path, fingerprint(entry));
  }

  /** Sends what differs from what was sent before; gives how many entries those were. `TooManyBytes` before anything of it is sent. */
  async send(root: number, entries: readonly SourceEntry[], signal: AbortSignal): Promise<number> {
    const bytes = entries.reduce((sum, { kind, stat }) => sum + (kind === "file" ? stat.size : 0), 0);
    if (bytes > mostBytes) throw new TooManyBytes();
    let count = 0;
    for (const entry of entries) {
      signal.throwIfAborted();
      const print = fingerprint(entry);
      if (this.#sent.get(entry.path) === print) continue;
      if (await this.#sendOne(root, entry)) count++;
      this.#sent.set(entry.path, print);
    }
    return count;
  }

  /** False when it has gone meanwhile, or is something else by now: another listing will tell. */
  async #sendOne(root: number, { path, kind, stat, target }: SourceEntry): Promise<boolean> {
    const data = kind === "file" ? this.#read(root, path) : Buffer.from(target ?? "");
    if (data === undefined) return false;
    const { uid, gid } = stat;
    const to = path === "" ? this.#path : `${this.#path}/${path}`;
    const file = { path: to, mode: typeBits[kind] | (stat.mode & 0o7777), directoryMode, uid, gid, size: data.length };
    let offset = 0;
    do {
      const piece = data.subarray(offset, offset + pieceBytes);
      await this.#agent.copyFile({ ...file, offset, data: piece });
      offset += piece.length;
    } while (offset < data.length);
    return true;
  }

  #read(root: number, path: string): Buffer | undefined {
    const { files, descriptors } = this.#sys;
    let fd: number;
    try {
      // A source that is a file itself is opened anew from its own descriptor.
      fd =
        path === ""
          ? files.openat2("/", files.pathOfFd(root), { flags: OpenFlag.read | OpenFlag.nonBlock })
          : files.openBeneath(root, path, OpenFlag.read | OpenFlag.nonBlock);
    } catch (error) {
      if (["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoNameOf(error) ?? "")) return undefined;
      throw error;
    }
    try {
      const stat = fstatSync(fd);
      return stat.isFile() ? readAll(fd, stat.size) : undefined;
    } finally {
      descriptors.close(fd);
    }
  }
}

/** A file's bytes, as they are; it may have grown since it was listed. */
function readAll(fd: number, size: number): Buffer {
  const pieces: Buffer[] = [];
  for (let total = 0; ; ) {
    // One more than is expected: its end is seen at once.
    const piece = Buffer.alloc(Math.min(Math.max(size - total, 0) + 1, pieceBytes));
    const length = readSync(fd, piece, 0, piece.length, total);
    if (length === 0) return Buffer.concat(pieces);
    total += length;
    if (total > mostBytes) throw new TooManyBytes();
    pieces.push(piece.subarray(0, length));
  }
}

/** Differs when an entry has changed, as far as its inode tells. */
function fingerprint({ kind, stat, target }: SourceEntry): string {
  const owner = [kind, stat.mode, stat.uid, stat.gid];
  if (kind === "directory") return owner.join(":");
  return [...owner, ...(kind === "link" ? [target] : [stat.dev, stat.ino, stat.size, stat.mtimeMs, stat.ctimeMs])].join(
    ":",
  );
}
