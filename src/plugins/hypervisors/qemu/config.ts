import type { KeyComplaint } from "../../../core/config/extension.js";
import { hypervisorConfig } from "../../../core/config/plugin-schema.js";
import { machineTypes } from "./machine-type.js";
import { mostThreads } from "./disk-threads.js";

/** What libvirt denies its QEMU too: system calls that a machine does not need once it runs. */
const sandbox = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";

/** Entries of the longest queue that QEMU gives a disk (`VIRTQUEUE_MAX_SIZE` of its source). */
const mostEntries = 1024;

const list = (names: readonly string[]) => names.map((name) => `"${name}"`).join(" and ");

/** `[hypervisor.qemu]`: the keys this plugin acts on, its defaults, and what it finds wrong with their values. */
export const config = hypervisorConfig({
  defaults: { machine_type: "q35", default_bridges: 1, seccomp_sandbox: sandbox },
  uses: [
    "hypervisor.path",
    "hypervisor.kernel",
    "hypervisor.image",
    "hypervisor.initrd",
    "hypervisor.rootfs_type",
    "hypervisor.kernel_params",
    "hypervisor.firmware",
    "hypervisor.pflashes",
    "hypervisor.machine_type",
    "hypervisor.machine_accelerators",
    "hypervisor.cpu_features",
    "hypervisor.disable_nested_virtualization",
    "hypervisor.default_vcpus",
    "hypervisor.default_memory",
    "hypervisor.default_maxvcpus",
    "hypervisor.default_maxmemory",
    "hypervisor.memory_slots",
    "hypervisor.enable_virtio_mem",
    "hypervisor.default_bridges",
    "hypervisor.entropy_source",
    "hypervisor.enable_mem_prealloc",
    "hypervisor.enable_hugepages",
    "hypervisor.hugepage_type",
    "hypervisor.reclaim_guest_freed_memory",
    "hypervisor.block_device_aio",
    "hypervisor.block_device_cache_set",
    "hypervisor.block_device_cache_direct",
    "hypervisor.block_device_cache_noflush",
    "hypervisor.block_device_logical_sector_size",
    "hypervisor.block_device_physical_sector_size",
    "hypervisor.queue_size",
    "hypervisor.num_queues",
    "hypervisor.enable_iothreads",
    "hypervisor.indep_iothreads",
    "hypervisor.disk_rate_limiter_bw_max_rate",
    "hypervisor.disk_rate_limiter_bw_one_time_burst",
    "hypervisor.disk_rate_limiter_ops_max_rate",
    "hypervisor.disk_rate_limiter_ops_one_time_burst",
    "hypervisor.enable_debug",
    "hypervisor.extra_monitor_socket",
    "hypervisor.seccomp_sandbox",
    "agent.debug_console_enabled",
  ],
  check: ({ hypervisor }) => {
    const complaints: KeyComplaint[] = [];
    const complain = (key: keyof typeof hypervisor, problem: string) =>
      complaints.push({ table: "hypervisor", key, problem });
    const { machine_type, pflashes, cpu_features, machine_accelerators } = hypervisor;
    if (!machineTypes.some((type) => type === machine_type))
      complain("machine_type", `is ${JSON.stringify(machine_type)}; this runtime knows ${list(machineTypes)}`);
    if (pflashes.length > 0 && machine_type === "microvm") complain("pflashes", "is set; a microvm has no flash");
    for (const path of pflashes)
      if (!path.startsWith("/")) complain("pflashes", `has ${JSON.stringify(path)}; it takes absolute paths`);
    for (const [key, value] of Object.entries({ cpu_features, machine_accelerators }))
      if (!/^[\w,.=+:-]*$/.test(value))
        complain(key as "cpu_features", `is ${JSON.stringify(value)}; it takes words with commas between`);
    if (hypervisor.queue_size < 4 || hypervisor.queue_size > mostEntries)
      complain("queue_size", `is ${hypervisor.queue_size}; a disk of QEMU has 4 to ${mostEntries}`);
    if (hypervisor.indep_iothreads > mostThreads)
      complain("indep_iothreads", `is ${hypervisor.indep_iothreads}; it takes up to ${mostThreads}`);
    if (hypervisor.block_device_driver === "virtio-pmem" && !hypervisor.disable_block_device_use)
      complain("block_device_driver", 'is "virtio-pmem"; QEMU does not let go of such disks (7.2): take "virtio-scsi"');
    if (hypervisor.enable_vhost_user_store)
      complain("enable_vhost_user_store", "is true; disks that another program serves are not supported yet");
    const accelerator = /(?:^|,)\s*accel=([^,]*)/.exec(machine_accelerators)?.[1] ?? "kvm";
    if (accelerator !== "kvm" && accelerator !== "tcg")
      complain("machine_accelerators", `has accel=${accelerator}; this runtime knows "kvm" and "tcg"`);
    return complaints;
  },
});
