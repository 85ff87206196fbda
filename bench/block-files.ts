import { BareShell, diskPlace } from "./bare-shell.js";
import { ContainerShell } from "./container-shell.js";
import { DiskFiles, DiskImages, fileMiB } from "./disk-files.js";
import { pinMachines } from "./pin-machines.js";
import type { Row } from "./row.js";
import { rowsOfBoots } from "./row-of-boots.js";
import { inTurns } from "./turns.js";

const rounds = 4;
/** Machines of each side. */
const boots = 3;
const memoryMiB = 512;
/** At least 0.97 of the speed. */
const limit = 1 / 0.97;

/** Boots one machine of each side, and measures both in turns. */
async function timesOfBoot(images: DiskImages, number: number) {
  const sides: DiskFiles[] = [];
  try {
    const disk = images.make(`own${number}`);
    const keys = { default_memory: memoryMiB };
    const own = new DiskFiles(await ContainerShell.start({ name: `disk${number}`, keys, disk }), "");
    sides.push(own);
    const bareDisk = images.make(`bare${number}`);
    const bare = new DiskFiles(await BareShell.boot({ memoryMiB, files: bareDisk }), diskPlace);
    sides.push(bare);
    pinMachines();
    return await inTurns(rounds, {
      write: () => own.write(),
      bareWrite: () => bare.write(),
      read: () => own.read(),
      bareRead: () => bare.read(),
      random: () => own.random(),
      bareRandom: () => bare.random(),
    });
  } finally {
    for (const side of sides) await side.close();
  }
}

/**
 * Files of a container whose root is a disk, against the same disk of a QEMU that was started by hand: the same kernel in a
 * machine of the same size and room, with the same memory, by QEMU's own choice of all else.
 */
export async function run(): Promise<Row[]> {
  const images = new DiskImages();
  try {
    const row = await rowsOfBoots(boots, (boot) => timesOfBoot(images, boot), "bare QEMU");
    return [
      row(`${fileMiB} MiB written to a disk, and flushed`, "ms", ["write", "bareWrite"], limit),
      row("read of 1 MiB of a disk", "us", ["read", "bareRead"], limit),
      row("random read of 4 KiB of a disk", "us", ["random", "bareRandom"], limit),
    ];
  } finally {
    images.close();
  }
}
