import type { OciLinuxResources } from "../oci/spec.js";
import { cpuListForm, readCpuList } from "../oci/cpu-list.js";
import { sizingErrors } from "./errors.js";
import type { Fraction } from "./fraction.js";

/** What one container's limits come to. */
export interface Demand {
  /** CPU time by its quota; absent without one. */
  readonly quota?: Fraction;
  /** CPUs that it may run on; empty when it may use all. */
  readonly cpus: ReadonlySet<number>;
  /** Limits of memory and of huge pages, in bytes. */
  readonly bytes: bigint;
}

/** A period that is not said, in microseconds (`Documentation/scheduler/sched-bwc.rst` of Linux). */
const usualPeriod = 100_000;

const whole = (least: number) => `a whole number, ${least} or more; -1 and 0 are no limit`;

/**
 * A limit, undefined when there is none: 0 and what is below is none, as for Linux and runc, and so is what no double counts
 * exactly (a limit of memory that is "none" is 2⁶³ less a page).
 */
function limitOf(where: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "bigint") return limitOf(where, Number(value));
  if (typeof value !== "number" || !Number.isInteger(value)) {
    throw sizingErrors.KATA_SIZE_INVALID({ where, value: JSON.stringify(value) ?? typeof value, expected: whole(-1) });
  }
  return value > 0 && value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

/** CPU time of a quota within each period, both in microseconds; undefined without a quota. `KATA_SIZE_INVALID`. */
export function cpuTime(where: string, quota: unknown, period: unknown): Fraction | undefined {
  const over = limitOf(`${where}quota`, quota);
  if (over === undefined) return undefined;
  const negative = typeof period === "number" && period < 0;
  if (negative) {
    const expected = `microseconds, ${usualPeriod} for 0`;
    throw sizingErrors.KATA_SIZE_INVALID({ where: `${where}period`, value: String(period), expected });
  }
  const under = limitOf(`${where}period`, period) ?? usualPeriod;
  return { over: BigInt(over), under: BigInt(under) };
}

/** The CPUs of a list such as `0-3,8`. */
function cpusOf(where: string, text: string): ReadonlySet<number> {
  const cpus = readCpuList(text);
  if (cpus !== undefined) return new Set(cpus);
  throw sizingErrors.KATA_SIZE_INVALID({ where, value: JSON.stringify(text.slice(0, 200)), expected: cpuListForm });
}

/** What a container's `linux.resources` ask of its machine. `KATA_SIZE_INVALID` names a value that makes no sense. */
export function demandOf({ cpu, memory, hugepageLimits = [] }: OciLinuxResources): Demand {
  const quota = cpuTime("linux.resources.cpu.", cpu?.quota, cpu?.period);
  const pages = hugepageLimits.map(({ limit, pageSize }) =>
    limitOf(`linux.resources.hugepageLimits ${pageSize}`, limit),
  );
  const limits = [limitOf("linux.resources.memory.limit", memory?.limit), ...pages];
  return {
    ...(quota !== undefined && { quota }),
    cpus: cpusOf("linux.resources.cpu.cpus", cpu?.cpus ?? ""),
    bytes: limits.reduce((all, one) => all + BigInt(one ?? 0), 0n),
  };
}

const annotations = {
  quota: "io.kubernetes.cri.sandbox-cpu-quota",
  period: "io.kubernetes.cri.sandbox-cpu-period",
  memory: "io.kubernetes.cri.sandbox-memory",
} as const;

/** A pod's own limits, which containerd writes into annotations of its sandbox as soon as the kubelet tells them. */
export function podDemand(written: Readonly<Record<string, string>>): Demand {
  const number = (name: string): number | undefined => {
    const text = written[name];
    if (text === undefined || text === "") return undefined;
    if (/^-?\d{1,20}$/.test(text)) return Number(text);
    const value = JSON.stringify(text.slice(0, 200));
    throw sizingErrors.KATA_SIZE_INVALID({ where: `the annotation ${name}`, value, expected: whole(-1) });
  };
  const quota = cpuTime("io.kubernetes.cri.sandbox-cpu-", number(annotations.quota), number(annotations.period));
  const bytes = limitOf(annotations.memory, number(annotations.memory)) ?? 0;
  return { ...(quota !== undefined && { quota }), cpus: new Set(), bytes: BigInt(bytes) };
}
