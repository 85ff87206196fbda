import { ContainerShell } from "./container-shell.js";
import { needsKvm } from "./needs-kvm.js";
import type { Row } from "./row.js";
import { inTurns, median } from "./turns.js";
import { fileMiB, makeVolume, treeFiles, VolumeFiles } from "./volume-files.js";

const rounds = 5;
const memoryMiB = 512;

async function start(hypervisor: string, sharedFs: string): Promise<VolumeFiles> {
  const volume = makeVolume();
  const keys = { default_memory: memoryMiB, shared_fs: sharedFs, virtio_fs_cache: "auto" };
  return new VolumeFiles(volume, await ContainerShell.start({ name: sharedFs, hypervisor, keys, volume }));
}

/** Files of a volume by the machine itself, against a virtiofsd under QEMU, both by KVM. */
export async function run(): Promise<Row[]> {
  await needsKvm();
  const sides: VolumeFiles[] = [];
  try {
    const inline = await start("dragonball", "inline-virtio-fs");
    sides.push(inline);
    const daemon = await start("qemu", "virtio-fs");
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
      row(`a walk over ${treeFiles} files of a volume`, times.walk, times.daemonWalk),
    ];
  } finally {
    for (const side of sides) await side.close();
  }
}
