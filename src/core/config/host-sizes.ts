import { availableParallelism, totalmem } from "node:os";
import type { HypervisorConfig } from "./keys/hypervisor.js";

/** What the host has, as far as defaults depend on it. */
export interface HostSizes {
  readonly cpus: number;
  readonly memoryMiB: number;
}

/** The sizes of this host. */
export function hostSizes(): HostSizes {
  return { cpus: availableParallelism(), memoryMiB: Math.floor(totalmem() / 2 ** 20) };
}

/** Most vCPUs of a machine, whatever the host has. */
const mostVcpus = 256;

/** Size of a DAX window that is asked for without one, in MiB. */
const daxMiB = 1024;

/**
 * A hypervisor's table with the values that stand for the host's size filled in, as Kata does: all CPUs for `default_vcpus`
 * below 0 or above their number and for `default_maxvcpus` 0, all memory for `default_maxmemory` 0; and the two ways to ask
 * for a DAX window made one.
 */
export function fitToHost(values: HypervisorConfig, host: HostSizes): HypervisorConfig {
  const cpus = Math.min(host.cpus, mostVcpus);
  const { default_vcpus, default_maxvcpus, default_maxmemory, virtio_fs_is_dax, virtio_fs_cache_size } = values;
  return Object.freeze({
    ...values,
    default_vcpus: default_vcpus < 0 || default_vcpus > cpus ? cpus : default_vcpus,
    default_maxvcpus: default_maxvcpus === 0 ? cpus : Math.min(default_maxvcpus, cpus),
    default_maxmemory: default_maxmemory === 0 ? Math.max(host.memoryMiB, values.default_memory) : default_maxmemory,
    virtio_fs_is_dax: virtio_fs_is_dax || virtio_fs_cache_size > 0,
    virtio_fs_cache_size: virtio_fs_is_dax && virtio_fs_cache_size === 0 ? daxMiB : virtio_fs_cache_size,
  });
}
