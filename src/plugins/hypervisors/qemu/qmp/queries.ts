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

/** A place for a processor. */
export interface CpuSlot {
  /** Its number, from 0 on; that of its core. */
  readonly slot: number;
  /** What `device_add` takes to fill it. */
  readonly properties: Readonly<Record<string, unknown>>;
  /** Path of the processor that is there. */
  readonly device: string | undefined;
}

/** The places that a machine has for processors, in order (`query-hotpluggable-cpus`). */
export async function hotpluggableCpus(monitor: Pick<QmpClient, "execute">): Promise<readonly CpuSlot[]> {
  const answer = await monitor.execute("query-hotpluggable-cpus");
  const slots = (Array.isArray(answer) ? answer.map(asRecord) : []).map((one) => {
    const properties = asRecord(one?.["props"]);
    const [driver, slot, device] = [one?.["type"], properties?.["core-id"], one?.["qom-path"]];
    if (typeof driver !== "string" || typeof slot !== "number")
      throw garbage("a place for a CPU without its core", answer);
    return { slot, properties: { ...properties, driver }, device: typeof device === "string" ? device : undefined };
  });
  if (slots.length === 0) throw garbage("no list of places for CPUs", answer);
  return slots.toSorted((a, b) => a.slot - b.slot);
}

/** Memory that the machine has, in MiB: what it was started with, and what was plugged in (`query-memory-size-summary`). */
export async function machineMemory(monitor: Pick<QmpClient, "execute">): Promise<number> {
  const answer = asRecord(await monitor.execute("query-memory-size-summary"));
  const sizes = [answer?.["base-memory"], answer?.["plugged-memory"] ?? 0].map(Number);
  if (sizes.some((size) => !(size >= 0))) throw garbage("no size of its memory", answer);
  return sizes.reduce((all, size) => all + size, 0) / 2 ** 20;
}

/** A property of an object (`qom-get`). */
export async function propertyOf(
  monitor: Pick<QmpClient, "execute">,
  path: string,
  property: string,
): Promise<unknown> {
  return monitor.execute("qom-get", { path, property });
}

/** The modules of memory that were plugged in (`query-memory-devices`), with their slots, which are filled from 0 on. */
export async function memoryModules(
  monitor: Pick<QmpClient, "execute">,
): Promise<readonly { readonly slot: number; readonly sizeMiB: number }[]> {
  const answer = await monitor.execute("query-memory-devices");
  if (!Array.isArray(answer)) throw garbage("no list of memory", answer);
  const modules = answer.map(asRecord).filter((one) => one?.["type"] === "dimm");
  return modules.map((one) => {
    const data = asRecord(one?.["data"]);
    const [slot, size] = [data?.["slot"], data?.["size"]];
    if (typeof slot !== "number" || typeof size !== "number")
      throw garbage("a module of memory without its slot", answer);
    return { slot, sizeMiB: size / 2 ** 20 };
  });
}
