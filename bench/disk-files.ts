import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeBusyboxRootfs } from "../test/support/rootfs.js";
import { guestTime } from "./guest-time.js";
import type { Shell } from "./shell.js";

const mib = 2 ** 20;
/** MiB of the files that are written and read. */
export const fileMiB = 128;
const diskMiB = 4 * fileMiB;
const blockBytes = 4096;
/** Milliseconds of reads of one kind. */
const readingMs = 2000;
const programs = ["random-read", "read-through"] as const;

/** Raw disks in files, alike: an ext4 with a root of busybox, a file whose blocks have their numbers, and what reads it. */
export class DiskImages {
  readonly #directory = mkdtempSync(join(tmpdir(), "kata-bench-disks-"));

  constructor() {
    const tree = join(this.#directory, "tree");
    mkdirSync(tree);
    makeBusyboxRootfs(tree);
    for (const program of programs) {
      const source = fileURLToPath(new URL(`../../bench/${program}.c`, import.meta.url));
      execFileSync("cc", ["-O2", "-static", "-pthread", "-o", join(tree, program), source]);
    }
    const numbers = Buffer.alloc(fileMiB * mib);
    for (let at = 0; at < numbers.length; at += blockBytes) numbers.writeBigUInt64LE(BigInt(at / blockBytes), at);
    writeFileSync(join(tree, "numbers"), numbers);
  }

  /** A new one. */
  make(name: string): string {
    const path = join(this.#directory, name);
    writeFileSync(path, "");
    truncateSync(path, diskMiB * mib);
    execFileSync("mkfs.ext4", ["-q", "-F", "-E", "lazy_itable_init=0", "-d", join(this.#directory, "tree"), path]);
    // Of the file's own blocks all are there, and in the host's cache.
    writeFileSync(path, readFileSync(path), { flush: true });
    return path;
  }

  close(): void {
    rmSync(this.#directory, { recursive: true });
  }
}

/** What is measured of such a disk, by the shell of a guest that has it at `place`. The shell is closed with it. */
export class DiskFiles {
  readonly #shell: Shell;
  readonly #place: string;
  #seed = 0;

  constructor(shell: Shell, place: string) {
    this.#shell = shell;
    this.#place = place;
  }

  /** Over the same file each time. */
  write(): Promise<number> {
    return guestTime(
      this.#shell,
      `dd if=/dev/zero of=${this.#place}/written bs=1M count=${fileMiB} conv=notrunc,fsync`,
    );
  }

  /** Microseconds for which each MiB is waited for, in a row and past the guest's own cache. */
  read(): Promise<number> {
    return this.#readTime("read-through", `${this.#place}/numbers ${readingMs}`);
  }

  /** Microseconds for which each random read of 4 KiB is waited for, past the guest's own cache. */
  random(): Promise<number> {
    return this.#readTime("random-read", `${this.#place}/numbers 0 1 ${readingMs} ${this.#seed++}`);
  }

  close(): Promise<void> {
    return this.#shell.close();
  }

  async #readTime(program: (typeof programs)[number], args: string): Promise<number> {
    const said = await this.#shell.run(`${this.#place}/${program} ${args}`);
    const [, reads, ns] = /(\d+) reads in (\d+) ns/.exec(said) ?? [];
    if (reads === undefined) throw new Error(`the guest says: ${said}`);
    return Number(ns) / Number(reads) / 1000;
  }
}
