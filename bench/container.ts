import { bareBootTime, isEmulated } from "./bare-boot.js";
import type { Row } from "./row.js";
import { Starts } from "./starts.js";
import { inTurns, median } from "./turns.js";

const rounds = 5;

/** The start of a container, whole and by phase, against the bare boot of the same machine to an agent that answers. */
export async function run(): Promise<Row[]> {
  const starts = new Starts();
  try {
    const times = await inTurns(rounds, { start: () => starts.time(), boot: bareBootTime });
    const where = (await isEmulated()) ? "bare boot, emulated" : "bare boot, KVM";
    const against = { name: where, value: median(times.boot) };
    const row = (name: string, value: number, limit?: number): Row => {
      return { name, value, unit: "ms", against, ratio: value / against.value, limit };
    };
    const phases = [...starts.phases].map(([name, values]) => row(`phase: ${name}`, median(values)));
    return [row("start of a container in a machine of its own", median(times.start), 1.15), ...phases];
  } finally {
    starts.close();
  }
}
