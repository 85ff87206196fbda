import { BareShell } from "./bare-shell.js";
import { needsKvm } from "./needs-kvm.js";
import { OwnShell } from "./own-shell.js";
import { RandomDisk, type Reading } from "./random-disk.js";
import type { Row } from "./row.js";
import type { Shell } from "./shell.js";
import { inTurns, median } from "./turns.js";

const rounds = 5;
const memoryMiB = 256;
/** At least seven tenths of the reads per second. */
const limit = 1 / 0.7;

const kinds = [
  { threads: 1, cached: true },
  { threads: 4, cached: true },
  { threads: 1, cached: false },
  { threads: 4, cached: false },
] as const;

/** Random reads of a raw disk by a guest of a machine in this process, against one of a bare QEMU, both with KVM. */
export async function run(): Promise<Row[]> {
  await needsKvm();
  const disk = new RandomDisk();
  const shells: Shell[] = [];
  try {
    const own = await OwnShell.boot({ memoryMiB, disk: disk.path });
    shells.push(own);
    const bare = await BareShell.boot({ memoryMiB, disk: disk.path });
    shells.push(bare);
    for (const shell of shells) await disk.install(shell);
    const rows: Row[] = [];
    for (const kind of kinds) rows.push(await compare(disk, own, bare, kind));
    return rows;
  } finally {
    for (const shell of shells) await shell.close();
    disk.close();
  }
}

async function compare(disk: RandomDisk, own: Shell, bare: Shell, kind: Omit<Reading, "seed">): Promise<Row> {
  const measure = (shell: Shell) => {
    let seed = 0;
    return () => disk.readTime(shell, { ...kind, seed: seed++ });
  };
  const times = await inTurns(rounds, { own: measure(own), bare: measure(bare) });
  const value = median(times.own);
  const against = { name: "bare QEMU", value: median(times.bare) };
  const where = kind.cached ? "in the host's cache" : "not in the host's cache";
  const name = `random read of 4 KiB ${where}, ${kind.threads} at once`;
  return { name, value, unit: "us", against, ratio: value / against.value, limit };
}
