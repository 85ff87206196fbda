import { execFileSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fileSystemType } from "../src/core/sys/file-system-type.js";
import { createLinuxSys } from "../src/core/sys/linux/index.js";
import type { Shell } from "./shell.js";

const mib = 2 ** 20;
const diskBytes = 64 * mib;
const blockBytes = 4096;

/** How blocks are read. */
export interface Reading {
  /** Reads under way at once. */
  readonly threads: number;
  /** The host has all of the disk in its cache, or nothing of it. */
  readonly cached: boolean;
  /** Same places for the same number. */
  readonly seed: number;
}

/** Milliseconds of guests' reading. */
const readingMs = 1000;

/**
 * A raw disk in a file: it begins with the program that reads it (`random-read.c`), each block after that with its own
 * number. Disks are in no memory file system, where reading is another thing: there it is put into an ext4 of its own.
 */
export class RandomDisk {
  readonly path: string;
  readonly #directory = mkdtempSync(join(tmpdir(), "kata-bench-disk-"));
  readonly #mounted: string | undefined;
  /** The first block with a number. */
  readonly #first: number;

  constructor() {
    const program = this.#compile();
    this.#first = Math.ceil(program.length / blockBytes);
    this.#mounted = this.#mount();
    this.path = join(this.#mounted ?? this.#directory, "disk");
    const content = Buffer.alloc(diskBytes);
    for (let block = this.#first; block < diskBytes / blockBytes; block++) {
      content.writeBigUInt64LE(BigInt(block), block * blockBytes);
    }
    content.set(program);
    writeFileSync(this.path, content, { flush: true });
  }

  /** Has a guest take the program from the disk, which is its /dev/vdb. */
  async install(shell: Shell): Promise<void> {
    await shell.run(
      `dd if=/dev/vdb of=/tmp/random-read bs=${blockBytes} count=${this.#first} && chmod +x /tmp/random-read`,
    );
  }

  /** Microseconds for which a guest that has the program waits for each read, all reads that are under way together. */
  async readTime(shell: Shell, { threads, cached, seed }: Reading): Promise<number> {
    if (cached) readFileSync(this.path);
    else execFileSync("dd", [`if=${this.path}`, "iflag=nocache", "count=0", "status=none"]);
    const said = await shell.run(`/tmp/random-read /dev/vdb ${this.#first} ${threads} ${readingMs} ${seed}`);
    const [, reads, ns] = /(\d+) reads in (\d+) ns/.exec(said) ?? [];
    if (reads === undefined) throw new Error(`the guest says: ${said}`);
    return Number(ns) / Number(reads) / 1000;
  }

  close(): void {
    if (this.#mounted !== undefined) execFileSync("umount", [this.#mounted]);
    rmSync(this.#directory, { recursive: true });
  }

  #compile(): Buffer {
    const source = fileURLToPath(new URL("../../bench/random-read.c", import.meta.url));
    const program = join(this.#directory, "random-read");
    execFileSync("cc", ["-O2", "-static", "-pthread", "-o", program, source]);
    return readFileSync(program);
  }

  /** Where the ext4 is mounted that is made in a memory file system. */
  #mount(): string | undefined {
    if (createLinuxSys().files.statfs(this.#directory).type !== fileSystemType.tmpfs) return undefined;
    const [image, target] = [join(this.#directory, "ext4"), join(this.#directory, "mounted")];
    closeSync(openSync(image, "wx"));
    truncateSync(image, 2 * diskBytes);
    mkdirSync(target);
    execFileSync("mkfs.ext4", ["-q", image]);
    execFileSync("modprobe", ["loop"]);
    execFileSync("mount", ["-o", "loop", image, target]);
    return target;
  }
}
