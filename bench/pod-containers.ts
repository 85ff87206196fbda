import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { OciMount } from "../src/core/oci/spec.js";
import { cpuTime } from "./cpu-time.js";
import { Pod } from "./pod.js";
import type { Row } from "./row.js";
import { inTurns, median } from "./turns.js";

const rounds = 5;
const many = 40;

/** The limits hold where nothing is emulated, too: both sides are the same guest's. */
const volumesLimit = 1.5;
const atOnceLimit = 0.5;

/** CPUs of this host, which all of it shares: the guest's processors, the machine, the daemon, the runtime. */
const cpus = availableParallelism();

/**
 * Containers of a pod that runs: what many volumes cost one, and what it saves to have many made at once. That can be no faster
 * than all CPUs at work without a pause: where the guest is emulated, and the CPUs are few, this bound is near what making
 * one after another takes, whatever waits for what.
 */
export async function run(): Promise<Row[]> {
  const keys = { "hypervisor.qemu.default_vcpus": 2, "hypervisor.qemu.default_memory": 1024 };
  const pod = await Pod.start({ name: "many", keys });
  let count = 0;
  const names = (number: number): string[] => Array.from({ length: number }, () => `many-${process.pid}-${++count}`);

  /** Directories of a file each, as ConfigMaps are. */
  const volumes = Array.from({ length: many }, (_, index): OciMount => {
    const source = join(pod.directory, `volume${index}`);
    mkdirSync(source);
    writeFileSync(join(source, "key"), "value\n");
    return { destination: `/volumes/${index}`, type: "bind", source, options: ["rbind", "ro"] };
  });

  const time = async (act: () => Promise<void>, undo: () => Promise<void>): Promise<number> => {
    const begin = performance.now();
    await act();
    const ms = performance.now() - begin;
    await undo();
    return ms;
  };
  const withVolumes = (number: number): Promise<number> => {
    const [id = ""] = names(1);
    const mounts = volumes.slice(0, number);
    return time(
      () => pod.create(id, { mounts }),
      () => pod.remove(id),
    );
  };
  const removeAll = async (ids: readonly string[]): Promise<void> =>
    void (await Promise.all(ids.map((id) => pod.remove(id))));
  let cpuMs = 0;
  const atOnce = (): Promise<number> => {
    const ids = names(many);
    return time(
      async () => {
        const before = cpuTime(process.pid);
        await Promise.all(ids.map((id) => pod.create(id)));
        cpuMs = cpuTime(process.pid) - before;
      },
      () => removeAll(ids),
    );
  };
  const inOrder = (): Promise<number> => {
    const ids = names(many);
    return time(
      async () => {
        for (const id of ids) await pod.create(id);
      },
      () => removeAll(ids),
    );
  };

  try {
    const one = await inTurns(rounds, { few: () => withVolumes(1), many: () => withVolumes(many) });
    const all = await inTurns(1, { atOnce, inOrder });
    const row = (
      name: string,
      other: string,
      ours: readonly number[],
      theirs: readonly number[],
      limit?: number,
    ): Row => {
      const [value, against] = [median(ours), median(theirs)];
      return { name, value, unit: "ms", against: { name: other, value: against }, ratio: value / against, limit };
    };
    return [
      row(`a container with ${many} volumes`, "with one", one.many, one.few, volumesLimit),
      row(`${many} containers of a pod, at once`, "one after another", all.atOnce, all.inOrder, atOnceLimit),
      row(`the CPU time of that on ${cpus} CPUs, its bound here`, "one after another", [cpuMs / cpus], all.inOrder),
    ];
  } finally {
    await pod.close();
  }
}
