import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BlkioStats, CgroupStats, HugetlbStats, NetworkStats } from "../../../src/core/proto/gen/kata/agent.js";

/** What the kernel's "max" is to the protocol: 2^63-1 rounded down to a page. */
const noLimit = 0x7fff_ffff_ffff_f000n;

const microsecond = 1000n;

/** Reads a file of a control group; undefined when the controller is not there. */
type Reader = (name: string) => Promise<string | undefined>;

function readerOf(directory: string): Reader {
  return async (name) => {
    try {
      return (await readFile(join(directory, name), "latin1")).trim();
    } catch {
      return undefined;
    }
  };
}

function numberOf(text: string | undefined): bigint | undefined {
  if (text === "max") return noLimit;
  return text !== undefined && /^\d+$/.test(text) ? BigInt(text) : undefined;
}

/** Lines of `name number`. */
export function parseFlatKeyed(text: string | undefined): Record<string, bigint> {
  const values: Record<string, bigint> = {};
  for (const line of text?.split("\n") ?? []) {
    const [, name, digits] = /^([\w.]+) (\d+)$/.exec(line) ?? [];
    if (name !== undefined && digits !== undefined) values[name] = BigInt(digits);
  }
  return values;
}

/** `io.stat`: lines of `major:minor rbytes=… wbytes=… rios=… wios=…`. */
export function parseIoStat(text: string | undefined): BlkioStats {
  const stats: BlkioStats = {
    ioServiceBytesRecursive: [],
    ioServicedRecursive: [],
    ioQueuedRecursive: [],
    ioServiceTimeRecursive: [],
    ioWaitTimeRecursive: [],
    ioMergedRecursive: [],
    ioTimeRecursive: [],
    sectorsRecursive: [],
  };
  for (const line of text?.split("\n") ?? []) {
    const [, major, minor, rest = ""] = /^(\d+):(\d+) (.*)$/.exec(line) ?? [];
    if (major === undefined || minor === undefined) continue;
    const value = (name: string): bigint => BigInt(new RegExp(`\\b${name}=(\\d+)`).exec(rest)?.[1] ?? 0);
    const device = { major: BigInt(major), minor: BigInt(minor) };
    stats.ioServiceBytesRecursive.push({ ...device, op: "Read", value: value("rbytes") });
    stats.ioServiceBytesRecursive.push({ ...device, op: "Write", value: value("wbytes") });
    stats.ioServicedRecursive.push({ ...device, op: "Read", value: value("rios") });
    stats.ioServicedRecursive.push({ ...device, op: "Write", value: value("wios") });
  }
  return stats;
}

async function hugePages(directory: string, read: Reader): Promise<Record<string, HugetlbStats>> {
  const names = await readdir(directory);
  const sizes = names.map((name) => /^hugetlb\.(\w+)\.current$/.exec(name)?.[1]).filter((size) => size !== undefined);
  const entries = sizes.map(async (size): Promise<[string, HugetlbStats]> => {
    const usage = numberOf(await read(`hugetlb.${size}.current`)) ?? 0n;
    const failcnt = parseFlatKeyed(await read(`hugetlb.${size}.events`))["max"] ?? 0n;
    return [size, { usage, maxUsage: 0n, failcnt }];
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** What a control group, version 2, has used. Fails with ENOENT when it is gone. */
export async function readCgroupStats(directory: string): Promise<CgroupStats> {
  const read = readerOf(directory);
  const [cpuText, memoryText, events, ...numbers] = await Promise.all([
    ...["cpu.stat", "memory.stat", "memory.events"].map(read),
    ...["memory.current", "memory.peak", "memory.max", "memory.swap.current", "memory.swap.max"].map(read),
    ...["pids.current", "pids.max"].map(read),
  ]);
  const [current, peak, limit, swap, swapLimit, pids, pidsLimit] = numbers.map(numberOf);
  const [blkioStats, hugetlbStats] = [parseIoStat(await read("io.stat")), await hugePages(directory, read)];
  const cpu = parseFlatKeyed(cpuText);
  const memory = parseFlatKeyed(memoryText);
  const time = (name: string): bigint => (cpu[name] ?? 0n) * microsecond;
  const inMemory = { usage: current ?? 0n, maxUsage: peak ?? 0n, failcnt: parseFlatKeyed(events)["max"] ?? 0n };
  const inSwap = { usage: swap ?? 0n, maxUsage: 0n, failcnt: 0n, limit: swapLimit ?? 0n };
  return {
    cpuStats: {
      cpuUsage: {
        totalUsage: time("usage_usec"),
        percpuUsage: [],
        usageInKernelmode: time("system_usec"),
        usageInUsermode: time("user_usec"),
      },
      throttlingData: {
        periods: cpu["nr_periods"] ?? 0n,
        throttledPeriods: cpu["nr_throttled"] ?? 0n,
        throttledTime: time("throttled_usec"),
      },
    },
    memoryStats: {
      cache: memory["file"] ?? 0n,
      usage: { ...inMemory, limit: limit ?? 0n },
      swapUsage: swap === undefined ? undefined : inSwap,
      kernelUsage: undefined,
      useHierarchy: true,
      stats: memory,
    },
    pidsStats: { current: pids ?? 0n, limit: pidsLimit === noLimit ? 0n : (pidsLimit ?? 0n) },
    blkioStats,
    hugetlbStats,
  };
}

/** `/proc/net/dev`: the guest's interfaces, which all containers share. */
export function parseNetDev(text: string): NetworkStats[] {
  const stats: NetworkStats[] = [];
  for (const line of text.split("\n")) {
    const [, name, rest = ""] = /^\s*([^\s:]+):\s*(.*)$/.exec(line) ?? [];
    const values = rest.split(/\s+/);
    if (name === undefined || values.length < 12 || !values.every((value) => /^\d+$/.test(value))) continue;
    const at = (index: number): bigint => BigInt(values[index] ?? 0);
    stats.push({
      name,
      rxBytes: at(0),
      rxPackets: at(1),
      rxErrors: at(2),
      rxDropped: at(3),
      txBytes: at(8),
      txPackets: at(9),
      txErrors: at(10),
      txDropped: at(11),
    });
  }
  return stats;
}
