import { busyboxImage, Containerd } from "../test/support/containerd.js";
import { bareBootTime, isEmulated } from "./bare-boot.js";
import type { Row } from "./row.js";
import { inTurns, median } from "./turns.js";

const rounds = 5;

/** A whole `ctr run --rm IMAGE true`, beside the same with runc and beside the bare boot of the machine. */
export async function run(): Promise<Row[]> {
  const containerd = await Containerd.open();
  let count = 0;
  const time = async (runtime: string): Promise<number> => {
    const id = `bench-${process.pid}-${++count}`;
    const begin = performance.now();
    const { status, stderr } = await containerd.ctr(["run", "--rm", "--runtime", runtime, busyboxImage, id, "true"]);
    if (status !== 0) throw new Error(`ctr run with ${runtime} ended with ${status}: ${stderr}`);
    return performance.now() - begin;
  };
  try {
    const times = await inTurns(rounds, {
      ours: () => time("io.containerd.kata-ts.v2"),
      runc: () => time("io.containerd.runc.v2"),
      boot: bareBootTime,
    });
    const how = (await isEmulated()) ? "emulated" : "KVM";
    const value = median(times.ours);
    const row = (name: string, against: number): Row => {
      const what = `ctr run --rm … true (${how})`;
      return {
        name: what,
        value,
        unit: "ms",
        against: { name, value: against },
        ratio: value / against,
        limit: undefined,
      };
    };
    return [row("the same with runc", median(times.runc)), row("bare boot", median(times.boot))];
  } finally {
    await containerd.close();
  }
}
