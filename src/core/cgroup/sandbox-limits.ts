import type { OciLinuxResources } from "../oci/spec.js";
import type { SandboxLimits } from "../sandbox/container-limits.js";
import { parseBlockIo, throttleKinds } from "./block-io.js";
import { unionOfCpus } from "./union-of-cpus.js";

const MiB = 1024 * 1024;
/** The period that sums of quotas are given in, in microseconds. */
export const sumPeriod = 100_000;
/** What a container without `cpu.shares` has, as the kernel has it. */
const usualShares = 1024;

/** What a machine has beside what its containers ask for. */
export interface MachineShare {
  /** `default_vcpus`: CPUs that are the machine's own. */
  readonly vcpus: number;
  /** `default_memory`: bytes that are the machine's own. */
  readonly memory: number;
  /** Bytes of memory that the machine has, whatever was asked for: the guest may have touched all of them. */
  readonly machine: number;
  /** Whether the guest's code is emulated, which takes a cache of translated code. */
  readonly emulated: boolean;
}

/**
 * Bytes a VMM, its helpers and the shim get beside a guest's memory. Ample on purpose, and not measured to the last byte: who
 * exceeds it is ended by the kernel. Page tables are a 512th of the guest's memory, and twice that where it is mapped by two;
 * emulation keeps up to 1 GiB of translated code.
 */
export function vmmOverhead(memory: number, emulated: boolean): number {
  return 512 * MiB + Math.ceil(memory / 64) + (emulated ? 1024 * MiB : 0);
}

/**
 * The limits of a sandbox's cgroup, of those of its containers; `ids` are the containers that count: the one that only
 * stands for a pod has none. Each kind of limit is there when every container has it, since one without may use all there is:
 * - CPU time: the sum of the quotas, and the machine's own CPUs.
 * - Memory: the sum, and the machine's own, or all that the machine has if that is more; and the VMM's overhead. So it is
 *   the guest that runs out of memory first, by its containers' own limits, and the kernel never ends a VMM for a guest's
 *   page cache. Swap: the containers' sum on top.
 * - A throttle of a device: the sum.
 * Others are there when one container has them: the sum of shares and of reservations, the union of CPUs and of memory nodes,
 * the greatest weight. `pids.limit` is not: what runs in a guest are no processes of the host, whose VMM it would end.
 */
export function sandboxLimits(all: SandboxLimits, ids: ReadonlySet<string>, share: MachineShare): OciLinuxResources {
  const counted = [...all].filter(([id]) => ids.has(id)).map(([, resources]) => resources);
  const cpu = cpuOf(counted, [...all.values()], share);
  const memory = memoryOf(counted, share);
  const blockIO = blockIoOf(counted);
  return { cpu, memory, ...(blockIO !== undefined && { blockIO }) };
}

/** A limit that is one; their shapes were checked by nobody. */
function positive(value: unknown): number | undefined {
  return typeof value === "number" && value > 0 ? value : undefined;
}

/** The sum, when there are values and all of them are limits. */
function sumOfAll(values: readonly (number | undefined)[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => add(sum, value), 0);
}

function add(sum: number | undefined, value: number | undefined): number | undefined {
  return sum === undefined || value === undefined ? undefined : sum + value;
}

/** The sum of those that are there. */
function sumOfSome(values: readonly (number | undefined)[]): number | undefined {
  const there = values.filter((value) => value !== undefined);
  return there.length === 0 ? undefined : there.reduce((sum, value) => sum + value, 0);
}

function cpuOf(
  counted: readonly OciLinuxResources[],
  all: readonly OciLinuxResources[],
  share: MachineShare,
): NonNullable<OciLinuxResources["cpu"]> {
  const asked = sumOfAll(
    counted.map(({ cpu }) => {
      const quota = positive(cpu?.quota);
      return quota === undefined ? undefined : quota / (positive(cpu?.period) ?? sumPeriod);
    }),
  );
  const shares = counted.map(({ cpu }) => positive(cpu?.shares));
  const sum = shares.reduce<number>((all, one) => all + (one ?? usualShares), 0);
  const differs = shares.some((one) => one !== undefined) && sum !== usualShares;
  const [cpus, mems] = [unionOfCpus(all, "cpus"), unionOfCpus(all, "mems")];
  return {
    ...(asked !== undefined && { quota: Math.ceil((asked + share.vcpus) * sumPeriod), period: sumPeriod }),
    ...(differs && { shares: sum }),
    ...(cpus !== "" && { cpus }),
    ...(mems !== "" && { mems }),
  };
}

function memoryOf(
  counted: readonly OciLinuxResources[],
  share: MachineShare,
): NonNullable<OciLinuxResources["memory"]> {
  const asked = sumOfAll(counted.map(({ memory }) => positive(memory?.limit)));
  const reservation = sumOfSome(counted.map(({ memory }) => positive(memory?.reservation)));
  if (asked === undefined) return { ...(reservation !== undefined && { reservation }) };
  const guest = Math.max(share.memory + asked, share.machine);
  const limit = guest + vmmOverhead(guest, share.emulated);
  const swap = sumOfAll(
    counted.map(({ memory }) => {
      const [most, both] = [positive(memory?.limit), positive(memory?.swap)];
      return most === undefined || both === undefined ? undefined : Math.max(0, both - most);
    }),
  );
  return {
    limit,
    ...(swap !== undefined && { swap: limit + swap }),
    ...(reservation !== undefined && { reservation }),
  };
}

function blockIoOf(counted: readonly OciLinuxResources[]): Record<string, unknown> | undefined {
  const all = counted.map(({ blockIO }) => parseBlockIo(blockIO));
  const weights = all.flatMap(({ weight }) => weight ?? []);
  const devices = new Map<string, number>();
  for (const { device, value } of all.flatMap((one) => one.weights)) {
    devices.set(device, Math.max(value, devices.get(device) ?? 0));
  }
  const merged: Record<string, unknown> = {
    ...(weights.length > 0 && { weight: Math.max(...weights) }),
    ...(devices.size > 0 && { weightDevice: [...devices].map(([device, weight]) => ({ ...idsOf(device), weight })) }),
  };
  for (const { field } of throttleKinds) {
    const rates = new Map<string, number[]>();
    for (const { device, value } of all.flatMap((one) => one.throttles.filter(({ kind }) => kind.field === field))) {
      rates.set(device, [...(rates.get(device) ?? []), value]);
    }
    const kept = [...rates].filter(([, values]) => values.length === counted.length && !values.includes(0));
    if (kept.length === 0) continue;
    merged[field] = kept.map(([device, values]) => ({
      ...idsOf(device),
      rate: values.reduce((sum, value) => sum + value, 0),
    }));
  }
  return Object.keys(merged).length === 0 ? undefined : merged;
}

function idsOf(device: string): { major: number; minor: number } {
  const [major, minor] = device.split(":").map(Number);
  return { major: major ?? 0, minor: minor ?? 0 };
}
