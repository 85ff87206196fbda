import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guestTime } from "./guest-time.js";
import type { Shell } from "./shell.js";

const mib = 2 ** 20;
/** MiB of the file that is written and read. */
export const fileMiB = 64;
const directories = 100;
const filesInEach = 100;
/** Files of the tree that is walked over. */
export const treeFiles = directories * filesInEach;

/** A directory of the host with a tree in it, which a guest shall have. */
export function makeVolume(): string {
  const volume = mkdtempSync(join(tmpdir(), "kata-bench-volume-"));
  for (let directory = 0; directory < directories; directory++) {
    const path = join(volume, "tree", String(directory));
    mkdirSync(path, { recursive: true });
    for (let file = 0; file < filesInEach; file++) writeFileSync(join(path, `file${file}`), "x");
  }
  return volume;
}

/** What is measured of a volume, by the shell of a guest that has it at `place`; both are closed with it. */
export class VolumeFiles {
  readonly #volume: string;
  readonly #shell: Shell;
  readonly #place: string;
  #round = 0;

  constructor(volume: string, shell: Shell, place = "/volume") {
    this.#volume = volume;
    this.#shell = shell;
    this.#place = place;
  }

  write(): Promise<number> {
    return guestTime(this.#shell, `dd if=/dev/zero of=${this.#place}/written bs=1M count=${fileMiB} conv=fsync`);
  }

  /** A file that the host has in its cache and the guest has never seen. */
  read(): Promise<number> {
    const name = `read${this.#round++}`;
    rmSync(join(this.#volume, `read${this.#round - 2}`), { force: true });
    writeFileSync(join(this.#volume, name), Buffer.alloc(fileMiB * mib, 0x61));
    return guestTime(this.#shell, `dd if=${this.#place}/${name} of=/dev/null bs=1M`);
  }

  /** Each file's attributes, after the guest has had to forget what it believed of them. */
  async walk(): Promise<number> {
    renameSync(join(this.#volume, "tree"), join(this.#volume, "moved"));
    await this.#shell.run(`sleep 2; ls ${this.#place} >/dev/null`);
    renameSync(join(this.#volume, "moved"), join(this.#volume, "tree"));
    return guestTime(this.#shell, `find ${this.#place}/tree -type f -size +100k`);
  }

  async close(): Promise<void> {
    await this.#shell.close();
    rmSync(this.#volume, { recursive: true });
  }
}
