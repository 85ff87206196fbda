import { busyboxImage, Containerd } from "../test/support/containerd.js";
import { isEmulated } from "./bare-boot.js";
import type { Row } from "./row.js";
import { inTurns, median } from "./turns.js";

const rounds = 15;
const limit = 3;

/** `ctr task exec … true` in a running container, against the same with runc. The limit holds where nothing is emulated. */
export async function run(): Promise<Row[]> {
  const containerd = await Containerd.open();
  const ids = new Map(["io.containerd.kata-ts.v2", "io.containerd.runc.v2"].map((name, at) => [name, `exec-${at}`]));
  let count = 0;
  const must = async (...args: string[]): Promise<void> => {
    const { status, stderr } = await containerd.ctr(args);
    if (status !== 0) throw new Error(`ctr ${args.join(" ")} ended with ${status}: ${stderr}`);
  };
  const time = async (runtime: string): Promise<number> => {
    const begin = performance.now();
    await must("task", "exec", "--exec-id", `e${++count}`, ids.get(runtime) ?? "", "true");
    return performance.now() - begin;
  };
  try {
    for (const [runtime, id] of ids) await must("run", "-d", "--runtime", runtime, busyboxImage, id, "sleep", "1000");
    const times = await inTurns(rounds, {
      ours: () => time("io.containerd.kata-ts.v2"),
      runc: () => time("io.containerd.runc.v2"),
    });
    const emulated = await isEmulated();
    const [value, against] = [median(times.ours), median(times.runc)];
    const name = `ctr task exec … true (${emulated ? "emulated" : "KVM"})`;
    const row = { name, value, unit: "ms", against: { name: "the same with runc", value: against } };
    return [{ ...row, ratio: value / against, limit: emulated ? undefined : limit }];
  } finally {
    for (const id of ids.values()) await containerd.remove(id);
    await containerd.close();
  }
}
