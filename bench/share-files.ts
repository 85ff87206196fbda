import { BareShell, sharePlace } from "./bare-shell.js";
import { ContainerShell } from "./container-shell.js";
import { pinMachines } from "./pin-machines.js";
import type { Row } from "./row.js";
import { rowsOfBoots } from "./row-of-boots.js";
import { inTurns } from "./turns.js";
import { fileMiB, makeVolume, treeFiles, VolumeFiles } from "./volume-files.js";

const rounds = 5;
/** Machines of each side. */
const boots = 3;
const memoryMiB = 512;
/** At least 0.97 of the speed. */
const limit = 1 / 0.97;

/** Boots one machine of each side, and measures both in turns. */
async function timesOfBoot(number: number) {
  const sides: VolumeFiles[] = [];
  try {
    const volumes = [makeVolume(), makeVolume()] as const;
    const keys = { default_memory: memoryMiB, virtio_fs_cache: "auto" };
    const options = { name: `files${number}`, keys, volume: volumes[0] };
    const own = new VolumeFiles(volumes[0], await ContainerShell.start(options));
    sides.push(own);
    const bare = new VolumeFiles(volumes[1], await BareShell.boot({ memoryMiB, share: volumes[1] }), sharePlace);
    sides.push(bare);
    pinMachines();
    return await inTurns(rounds, {
      write: () => own.write(),
      bareWrite: () => bare.write(),
      read: () => own.read(),
      bareRead: () => bare.read(),
      walk: () => own.walk(),
      bareWalk: () => bare.walk(),
    });
  } finally {
    for (const side of sides) await side.close();
  }
}

/**
 * Files of a container's volume, against a virtiofsd and a QEMU that were started by hand: the same kernel in a machine of the
 * same size, room and memory, and a control group as deep as a container's.
 */
export async function run(): Promise<Row[]> {
  const row = await rowsOfBoots(boots, timesOfBoot, "bare virtiofsd and QEMU");
  return [
    row(`${fileMiB} MiB written to a volume, and to the disk`, "ms", ["write", "bareWrite"], limit),
    row(`${fileMiB} MiB read from a volume`, "ms", ["read", "bareRead"], limit),
    row(`a walk over ${treeFiles} files of a volume`, "ms", ["walk", "bareWalk"], limit),
  ];
}
