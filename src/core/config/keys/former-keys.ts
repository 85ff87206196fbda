/** A key that Kata once had, or that its Go runtime has, and what became of it; the text follows "is not a key here: ". */
export type FormerKeys = Readonly<Record<string, string>>;

const dropped = "Kata's Rust runtime dropped it without a replacement";
const missing = "Kata's Rust runtime does not have it either";

/** Former keys by the first part of the table they stood in. */
export const formerKeys: Readonly<Record<string, FormerKeys>> = {
  "": {
    factory: "templates are in [hypervisor.<name>.factory]",
    image: dropped,
    netmon: dropped,
  },
  hypervisor: {
    seccompsandbox: "it is now seccomp_sandbox",
    hypervisor_loglevel: "it is now log_level, a word",
    hot_plug_vfio: dropped,
    hotplug_vfio_on_root_bus: dropped,
    enable_numa: missing,
    numa_mapping: missing,
    net_rate_limiter_bw_max_rate: missing,
    net_rate_limiter_bw_one_time_burst: missing,
    net_rate_limiter_ops_max_rate: missing,
    net_rate_limiter_ops_one_time_burst: missing,
    measurement_algo: dropped,
    file_mem_backend: dropped,
    valid_file_mem_backends: dropped,
    msize_9p: "9p is gone; shared_fs is virtio-fs",
    vm_cache_number: dropped,
    vm_cache_endpoint: dropped,
  },
  agent: {
    dial_timeout: "it is now dial_timeout_ms, in milliseconds",
    cdh_api_timeout: "it is now cdh_api_timeout_ms, in milliseconds",
  },
  runtime: {
    create_container_timeout: "it is now in [agent.<name>]",
    experimental_force_guest_pull: 'it is now experimental = ["force_guest_pull"]',
    guest_selinux_label: "it is now selinux_label of [hypervisor.<name>]",
  },
};
