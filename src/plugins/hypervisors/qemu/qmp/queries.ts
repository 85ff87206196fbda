import type { QmpClient } from "./client.js";
import { qmpErrors } from "./errors.js";
import { asRecord } from "./messages.js";

/** Host thread ids of the vCPUs, in the order of the CPUs (`query-cpus-fast`). */
export async function vcpuThreads(monitor: QmpClient): Promise<readonly number[]> {
  const answer = await monitor.execute("query-cpus-fast");
  const cpus = Array.isArray(answer) ? answer.map(asRecord) : [];
  const threads = cpus.map((cpu) => ({ index: Number(cpu?.["cpu-index"]), thread: Number(cpu?.["thread-id"]) }));
  if (threads.length === 0 || threads.some((one) => !(one.index >= 0 && one.thread > 0))) {
    const start = (JSON.stringify(answer) ?? "").slice(0, 200);
    throw qmpErrors.KATA_QMP_GARBAGE({ problem: "no list of CPUs", start });
  }
  return threads.toSorted((a, b) => a.index - b.index).map((one) => one.thread);
}
