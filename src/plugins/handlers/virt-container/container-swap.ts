import { isLimit, memoryWithin } from "../../../core/cgroup/memory-swap.js";
import type { OciLinuxResources, OciSpec } from "../../../core/oci/spec.js";
import type { Logger } from "../../../core/log.js";
import { handlerErrors } from "./errors.js";

const swapInBytes = "io.katacontainers.container.resource.swap_in_bytes";
const swappiness = "io.katacontainers.container.resource.swappiness";

/** Most swappiness that Linux knows (sysctl vm.swappiness). */
const mostSwappiness = 200;

function numberOf(annotations: Readonly<Record<string, string>>, name: string, most: number): number | undefined {
  const text = annotations[name];
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= most) return value;
  const problem = `is ${JSON.stringify(text.slice(0, 80))}; it takes a whole number, ${most} at most`;
  throw handlerErrors.KATA_SPEC_INVALID({ field: `the annotation ${name}`, problem });
}

/**
 * A container's spec with the limit of memory and swap together that Kata's annotation gives it, in the place of its own.
 * Swappiness of one container is nothing that the guest's kernel has (cgroups v2): it is checked, and said to be of no use.
 * `KATA_SPEC_INVALID`, and `KATA_CGROUP_VALUE` when the limit does not include one of memory.
 */
export function withAnnotatedSwap(spec: OciSpec, containerId: string, log: Logger): OciSpec {
  const annotations = spec.annotations ?? {};
  if (numberOf(annotations, swappiness, mostSwappiness) !== undefined) {
    const reason = "the guest's cgroups have none of their own: vm.swappiness of its kernel holds for all";
    log.warn("the swappiness of a container has no effect", { container: containerId, annotation: swappiness, reason });
  }
  const swap = numberOf(annotations, swapInBytes, Number.MAX_SAFE_INTEGER);
  if (swap === undefined) return spec;
  const { resources = {} } = spec.linux ?? {};
  memoryWithin(swap, resources.memory?.limit, `the annotation ${swapInBytes}`);
  const memory = { ...resources.memory, swap };
  return { ...spec, linux: { ...spec.linux, resources: { ...resources, memory } } };
}

/**
 * An update as the guest's OCI runtime takes it: a limit of memory and swap together comes with the one of memory, which it
 * includes, also when that stays (in cgroups v2 swap has a limit alone, the difference of both).
 */
export function withMemoryOfSwap(update: OciLinuxResources, old: OciLinuxResources | undefined): OciLinuxResources {
  const { memory } = update;
  const limit = old?.memory?.limit;
  if (memory?.swap === undefined || memory.limit !== undefined || !isLimit(limit)) return update;
  return { ...update, memory: { ...memory, limit } };
}
