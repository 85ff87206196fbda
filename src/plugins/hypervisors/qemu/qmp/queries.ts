import type { QmpClient } from "./client.js";
import { qmpErrors } from "./errors.js";
import { asRecord } from "./messages.js";

const garbage = (problem: string, answer: unknown): Error =>
  qmpErrors.KATA_QMP_GARBAGE({ problem, start: (JSON.stringify(answer) ?? "").slice(0, 200) });

/** Host thread ids of the vCPUs, in the order of the CPUs (`query-cpus-fast`). */
export async function vcpuThreads(monitor: QmpClient): Promise<readonly number[]> {
  const answer = await monitor.execute("query-cpus-fast");
  const cpus = Array.isArray(answer) ? answer.map(asRecord) : [];
  const threads = cpus.map((cpu) => ({ index: Number(cpu?.["cpu-index"]), thread: Number(cpu?.["thread-id"]) }));
  if (threads.length === 0 || threads.some((one) => !(one.index >= 0 && one.thread > 0))) {
    throw garbage("no list of CPUs", answer);
  }
  return threads.toSorted((a, b) => a.index - b.index).map((one) => one.thread);
}

/** Throws `KATA_QMP_STATUS` unless the machine runs, or is paused by somebody's wish (`query-status`). */
export async function assertRuns(monitor: Pick<QmpClient, "execute">): Promise<void> {
  const status = String(asRecord(await monitor.execute("query-status"))?.["status"]);
  if (status !== "running" && status !== "paused") throw qmpErrors.KATA_QMP_STATUS({ status });
}

/** Names of the character devices there are (`query-chardev`). */
export async function chardevs(monitor: Pick<QmpClient, "execute">): Promise<readonly string[]> {
  const answer = await monitor.execute("query-chardev");
  if (!Array.isArray(answer)) throw garbage("no list of character devices", answer);
  return answer.map((one) => String(asRecord(one)?.["label"]));
}
