/** What one annotation sets, and what is done with its value besides checking it as the key's. */
export interface AnnotationRow {
  readonly table: "hypervisor" | "agent" | "runtime";
  readonly key: string;
  /** Items of a list, added to those there are; what stands between two of them. */
  readonly append?: "," | ";";
  /** A size that may have a unit, in MiB without one. */
  readonly size?: true;
  /** Kernel parameters, each of which replaces those of its name. */
  readonly kernelParams?: true;
  /** A value that is not a scalar is written in JSON. */
  readonly json?: true;
  /** A path that must fit one of the patterns of this key of the same table. */
  readonly within?: string;
  /** A host file that must lie in the directory of the configured one, or where Kata installs its images. */
  readonly besideConfigured?: true;
  /** Never allowed, and why. */
  readonly never?: string;
}

type Group = Record<string, AnnotationRow>;

const plain = (table: AnnotationRow["table"], keys: readonly string[]): Group =>
  Object.fromEntries(keys.map((key) => [key, { table, key }]));

const hypervisor = { table: "hypervisor" } as const;
const beside = { ...hypervisor, besideConfigured: true } as const;

const hypervisorAnnotations: Group = {
  ...plain("hypervisor", [
    "kernel_verity_params",
    "machine_type",
    "machine_accelerators",
    "cpu_features",
    "default_vcpus",
    "memory_slots",
    "memory_offset",
    "enable_mem_prealloc",
    "enable_hugepages",
    "hugepage_type",
    "enable_virtio_mem",
    "enable_guest_swap",
    "block_device_driver",
    "disable_block_device_use",
    "block_device_cache_set",
    "block_device_cache_direct",
    "block_device_cache_noflush",
    "enable_iothreads",
    "indep_iothreads",
    "disable_image_nvdimm",
    "enable_vhost_user_store",
    "shared_fs",
    "virtio_fs_cache",
    "virtio_fs_cache_size",
    "pcie_root_port",
    "pcie_switch_port",
    "enable_iommu",
    "enable_iommu_platform",
    "default_gpus",
    "default_gpu_model",
    "disable_vhost_net",
    "rx_rate_limiter_max_rate",
    "tx_rate_limiter_max_rate",
    "network_queues",
    "guest_hook_path",
    "rootless",
  ]),
  kernel: { ...beside, key: "kernel" },
  image: { ...beside, key: "image" },
  initrd: { ...beside, key: "initrd" },
  firmware: { ...beside, key: "firmware" },
  kernel_params: { ...hypervisor, key: "kernel_params", kernelParams: true },
  cc_init_data: { ...hypervisor, key: "initdata" },
  default_max_vcpus: { ...hypervisor, key: "default_maxvcpus" },
  default_memory: { ...hypervisor, key: "default_memory", size: true },
  blk_logical_sector_size: { ...hypervisor, key: "block_device_logical_sector_size" },
  blk_physical_sector_size: { ...hypervisor, key: "block_device_physical_sector_size" },
  block_device_num_queues: { ...hypervisor, key: "num_queues" },
  block_device_queue_size: { ...hypervisor, key: "queue_size" },
  virtio_fs_extra_args: { ...hypervisor, key: "virtio_fs_extra_args", append: "," },
  path: { ...hypervisor, key: "path", within: "valid_hypervisor_paths" },
  jailer_path: { ...hypervisor, key: "jailer_path", within: "valid_jailer_paths" },
  virtio_fs_daemon: { ...hypervisor, key: "virtio_fs_daemon", within: "valid_virtio_fs_daemon_paths" },
  entropy_source: { ...hypervisor, key: "entropy_source", within: "valid_entropy_sources" },
  vhost_user_store_path: { ...hypervisor, key: "vhost_user_store_path", within: "valid_vhost_user_store_paths" },
  "prefetch_files.list": {
    ...hypervisor,
    key: "prefetch_list_path",
    never: "it names a file of the host, and no key says which a pod may name",
  },
};

const agentAnnotations: Group = {
  ...plain("agent", ["enable_tracing", "container_pipe_size", "cdh_api_timeout_ms"]),
  kernel_modules: { table: "agent", key: "kernel_modules", append: ";" },
};

const runtimeAnnotations: Group = {
  ...plain("runtime", [
    "name",
    "hypervisor_name",
    "agent_name",
    "disable_guest_seccomp",
    "enable_pprof",
    "internetworking_model",
    "sandbox_cgroup_only",
    "enable_vcpus_pinning",
    "disable_new_netns",
    "vfio_mode",
  ]),
  create_container_timeout: { table: "agent", key: "create_container_timeout" },
  experimental: { table: "runtime", key: "experimental", append: "," },
  shared_mounts: { table: "runtime", key: "shared_mounts", json: true },
  sandbox_bind_mounts: {
    table: "runtime",
    key: "sandbox_bind_mounts",
    never: "which host directories a pod sees is the host's to say",
  },
};

const withGroup = (group: string, rows: Group): Group =>
  Object.fromEntries(Object.entries(rows).map(([name, row]) => [`${group}.${name}`, row]));

/** Prefix of the annotations that set configuration. */
export const annotationPrefix = "io.katacontainers.config.";

/** Every annotation that sets configuration, by its name after the prefix. */
export const annotationKeys: Readonly<Record<string, AnnotationRow>> = {
  ...withGroup("hypervisor", hypervisorAnnotations),
  ...withGroup("agent", agentAnnotations),
  ...withGroup("runtime", runtimeAnnotations),
};
