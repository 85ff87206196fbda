import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ContainerShell } from "./container-shell.js";
import { needsKvm } from "./needs-kvm.js";
import type { Row } from "./row.js";
import { inTurns, median } from "./turns.js";

const rounds = 5;
const memoryMiB = 512;
const mib = 2 ** 20;
/** MiB of the file that is written and read. */
const fileMiB = 64;
const directories = 100;
const filesInEach = 100;

/** A container with a volume of the host's. */
class Side {
  readonly volume: string;
  readonly #shell: ContainerShell;
  #round = 0;

  private constructor(volume: string, shell: ContainerShell) {
    this.volume = volume;
    this.#shell = shell;
  }

  static async start(hypervisor: string, sharedFs: string): Promise<Side> {
    const volume = mkdtempSync(join(tmpdir(), "kata-bench-volume-"));
    for (let directory = 0; directory < directories; directory++) {
      const path = join(volume, "tree", String(directory));
      mkdirSync(path, { recursive: true });
      for (let file = 0; file < filesInEach; file++) writeFileSync(join(path, `file${file}`), "x");
    }
    const keys = { default_memory: memoryMiB, shared_fs: sharedFs, virtio_fs_cache: "auto" };
    return new Side(volume, await ContainerShell.start({ name: sharedFs, hypervisor, keys, volume }));
  }

  /** Milliseconds that a script takes by the guest's own clock, which counts hundredths of a second. */
  async #time(script: string): Promise<number> {
    const now = "cut -d ' ' -f 1 /proc/uptime";
    const text = await this.#shell.run(`${now} && { ${script}; } >/dev/null 2>&1 && ${now}`);
    const [start = Number.NaN, end = Number.NaN] = text.trim().split("\n").map(Number);
    return (end - start) * 1000;
  }

  write(): Promise<number> {
    return this.#time(`dd if=/dev/zero of=/volume/written bs=1M count=${fileMiB} conv=fsync`);
  }

  /** A file that the host has in its cache and the guest has never seen. */
  read(): Promise<number> {
    const name = `read${this.#round++}`;
    rmSync(join(this.volume, `read${this.#round - 2}`), { force: true });
    writeFileSync(join(this.volume, name), Buffer.alloc(fileMiB * mib, 0x61));
    return this.#time(`dd if=/volume/${name} of=/dev/null bs=1M`);
  }

  /** Each file's attributes, after the guest has had to forget what it believed of them. */
  async walk(): Promise<number> {
    renameSync(join(this.volume, "tree"), join(this.volume, "moved"));
    await this.#shell.run("sleep 2; ls /volume >/dev/null");
    renameSync(join(this.volume, "moved"), join(this.volume, "tree"));
    return this.#time("find /volume/tree -type f -size +100k");
  }

  async close(): Promise<void> {
    await this.#shell.close();
    rmSync(this.volume, { recursive: true });
  }
}

/** Files of a volume by the machine itself, against a virtiofsd under QEMU, both by KVM. */
export async function run(): Promise<Row[]> {
  await needsKvm();
  const sides: Side[] = [];
  try {
    const inline = await Side.start("dragonball", "inline-virtio-fs");
    sides.push(inline);
    const daemon = await Side.start("qemu", "virtio-fs");
    sides.push(daemon);
    const times = await inTurns(rounds, {
      write: () => inline.write(),
      daemonWrite: () => daemon.write(),
      read: () => inline.read(),
      daemonRead: () => daemon.read(),
      walk: () => inline.walk(),
      daemonWalk: () => daemon.walk(),
    });
    const row = (name: string, ours: readonly number[], others: readonly number[]): Row => {
      const [value, other] = [median(ours), median(others)];
      return {
        name,
        value,
        unit: "ms",
        against: { name: "virtiofsd, QEMU", value: other },
        ratio: value / other,
        limit: 1,
      };
    };
    return [
      row(`${fileMiB} MiB written to a volume, and to the disk`, times.write, times.daemonWrite),
      row(`${fileMiB} MiB read from a volume`, times.read, times.daemonRead),
      row(`a walk over ${directories * filesInEach} files of a volume`, times.walk, times.daemonWalk),
    ];
  } finally {
    for (const side of sides) await side.close();
  }
}
