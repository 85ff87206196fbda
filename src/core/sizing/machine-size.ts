import type { Demand } from "./limits.js";
import { ceiling, fraction, sum } from "./fraction.js";

/** How large a virtual machine is. */
export interface MachineSize {
  readonly vcpus: number;
  readonly memoryMiB: number;
}

/** Keys of `[hypervisor.<name>]` that machines are sized by. */
export interface SizingKeys {
  readonly default_vcpus: number;
  readonly overhead_vcpus: number;
  readonly default_maxvcpus: number;
  readonly default_memory: number;
  readonly overhead_memory: number;
  readonly default_maxmemory: number;
}

const mib = 2n ** 20n;

/** MiB with which a guest still boots and runs a container, however small the container's limit. */
const leastMiB = 128;

/** Whole MiB, an even number of them. */
const evenMiB = (own: number, bytes: bigint): number => {
  const all = own + Number((bytes + mib - 1n) / mib);
  return all + (all % 2);
};

const bytesOf = (demands: readonly Demand[]): bigint => demands.reduce((all, one) => all + one.bytes, 0n);
const quotasOf = (demands: readonly Demand[]) => demands.flatMap(({ quota }) => (quota === undefined ? [] : [quota]));

/** The size that a machine has without any limits. */
export function defaultSize({ default_vcpus, default_memory }: SizingKeys): MachineSize {
  return { vcpus: Math.max(1, ceiling(fraction(default_vcpus))), memoryMiB: evenMiB(default_memory, 0n) };
}

/**
 * The size for containers with these limits, as Kata resizes a machine that runs: what it has without any, plus the sum of
 * their quotas, of which fractions add up before they are rounded up, plus the sum of their limits of memory and huge pages.
 * When none has a quota it has as many vCPUs as there are CPUs that the containers may run on, and no fewer than without.
 */
export function sizeFor(demands: readonly Demand[], keys: SizingKeys): MachineSize {
  const least = defaultSize(keys);
  const quotas = quotasOf(demands);
  const cpus = new Set(demands.flatMap((one) => [...one.cpus]));
  const vcpus = quotas.length === 0 ? cpus.size : ceiling(sum([fraction(keys.default_vcpus), ...quotas]));
  return { vcpus: Math.max(least.vcpus, vcpus), memoryMiB: evenMiB(keys.default_memory, bytesOf(demands)) };
}

/**
 * The size of a machine that never changes (`static_sandbox_resource_mgmt`): the limits that are known, plus what the guest
 * itself is said to need; what has no limit is as without any. However small they are, the guest boots.
 */
export function fixedSizeFor(demands: readonly Demand[], keys: SizingKeys): MachineSize {
  const none = defaultSize(keys);
  const quotas = quotasOf(demands);
  const bytes = bytesOf(demands);
  const least = Math.min(leastMiB, none.memoryMiB);
  return {
    vcpus: quotas.length === 0 ? none.vcpus : Math.max(1, ceiling(sum([fraction(keys.overhead_vcpus), ...quotas]))),
    memoryMiB: bytes === 0n ? none.memoryMiB : Math.max(least, evenMiB(keys.overhead_memory, bytes)),
  };
}

/** What the limits alone come to: a machine that has less than that cannot give its containers what they may use. */
export function sumOf(demands: readonly Demand[]): MachineSize {
  return { vcpus: ceiling(sum(quotasOf(demands))), memoryMiB: evenMiB(0, bytesOf(demands)) };
}

/** The size as far as `most` goes. */
export function atMost(size: MachineSize, most: MachineSize): MachineSize {
  return { vcpus: Math.min(size.vcpus, most.vcpus), memoryMiB: Math.min(size.memoryMiB, most.memoryMiB) };
}

/** The most that configuration lets a machine have; 0 is no bound, though `fitToHost` has put the host's size there. */
export function mostOf({ default_maxvcpus, default_maxmemory }: SizingKeys): MachineSize {
  const bound = (value: number) => (value > 0 ? value : Number.MAX_SAFE_INTEGER);
  return { vcpus: bound(default_maxvcpus), memoryMiB: bound(default_maxmemory) };
}
