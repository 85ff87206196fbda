/** Where the files of a test stand: programs and images that the texts name. */
export interface Installed {
  readonly kernel: string;
  readonly image: string;
  readonly qemu: string;
  readonly virtiofsd: string;
}

const memAgent = (compactSecMax: number) => `
mem_agent_enable = false
memcg_disable = false
memcg_swap = false
memcg_swappiness_max = 50
memcg_period_secs = 600
memcg_period_psi_percent_limit = 1
memcg_eviction_psi_percent_limit = 1
memcg_eviction_run_aging_count_min = 3
compact_disable = false
compact_period_secs = 600
compact_period_psi_percent_limit = 1
compact_psi_percent_limit = 5
compact_sec_max = ${compactSecMax}
compact_order = 9
compact_threshold = 1024
compact_force_times = 9223372036854775807
`;

const annotations = `["enable_iommu", "kernel_params", "kernel_verity_params", "default_vcpus", "default_memory"]`;

/** Every key that Kata installs for Dragonball, with its values on x86_64. */
export const dragonballText = ({ kernel, image }: Installed): string => `
[hypervisor.dragonball]
path = ""
ctlpath = ""
kernel = "${kernel}"
image = "${image}"
rootfs_type = "ext4"
vm_rootfs_driver = "virtio-blk-pci"
enable_annotations = ${annotations}
valid_hypervisor_paths = []
valid_ctlpaths = []
kernel_params = "console=ttyS1 agent.log_vport=1025"
firmware = ""
default_vcpus = 1
overhead_vcpus = 0.2
default_maxvcpus = 0
default_bridges = 0
reclaim_guest_freed_memory = false
default_memory = 2048
overhead_memory = 32
default_maxmemory = 0
block_device_driver = "virtio-blk-pci"
enable_debug = false
log_level = "info"
disable_nesting_checks = false
disable_vhost_net = false
guest_hook_path = ""
shared_fs = "inline-virtio-fs"
virtio_fs_cache_size = 0
virtio_fs_extra_args = ["--thread-pool-size=1", "-o", "announce_submounts"]
virtio_fs_cache = "auto"
block_device_cache_direct = false
queue_size = 128
num_queues = 1
network_queues = 1
enable_hugepages = false
disable_seccomp = false
enable_guest_swap = false
guest_swap_path = "/run/kata-containers/swap"
guest_swap_size_percent = 100
guest_swap_create_threshold_secs = 60

[hypervisor.dragonball.factory]
enable_template = false
template_path = "/run/vc/vm/template"

[agent.kata]
container_pipe_size = 1
enable_debug = false
log_level = "info"
enable_tracing = false
debug_console_enabled = false
dial_timeout_ms = 10
reconnect_timeout_ms = 3000
create_container_timeout = 30

[agent.kata.mem_agent]
${memAgent(180)}
[runtime]
enable_debug = false
log_level = "info"
keep_abnormal = false
internetworking_model = "tcfilter"
name = "virt_container"
hypervisor_name = "dragonball"
agent_name = "kata"
disable_guest_seccomp = true
enable_tracing = false
jaeger_endpoint = ""
jaeger_user = ""
jaeger_password = ""
disable_new_netns = false
sandbox_cgroup_only = true
emptydir_mode = "shared-fs"
experimental = []
enable_pprof = false
static_sandbox_resource_mgmt = true
sandbox_bind_mounts = []
dan_conf = "/run/kata-containers/dans"
use_passfd_io = true
passfd_listener_port = 1027
`;

/** Every key that Kata installs for QEMU, with its values on x86_64. */
export const qemuText = ({ kernel, image, qemu, virtiofsd }: Installed): string => `
[hypervisor.qemu]
path = "${qemu}"
kernel = "${kernel}"
image = "${image}"
machine_type = "q35"
rootfs_type = "ext4"
vm_rootfs_driver = "virtio-pmem"
rootless = false
enable_annotations = ${annotations}
valid_hypervisor_paths = ["${qemu}"]
kernel_params = "cgroup_no_v1=all systemd.unified_cgroup_hierarchy=1"
firmware = ""
machine_accelerators = ""
seccomp_sandbox = ""
cpu_features = "pmu=off"
default_vcpus = 1
overhead_vcpus = 0.2
default_maxvcpus = 0
default_bridges = 1
reclaim_guest_freed_memory = false
default_memory = 2048
overhead_memory = 32
memory_slots = 10
default_maxmemory = 0
memory_offset = 0
enable_virtio_mem = false
disable_block_device_use = false
shared_fs = "virtio-fs"
virtio_fs_daemon = "${virtiofsd}"
valid_virtio_fs_daemon_paths = ["${virtiofsd}"]
virtio_fs_cache_size = 0
virtio_fs_queue_size = 1024
virtio_fs_extra_args = ["--thread-pool-size=1", "-o", "announce_submounts"]
virtio_fs_cache = "auto"
block_device_driver = "virtio-scsi"
block_device_aio = "io_uring"
block_device_cache_set = false
block_device_cache_direct = false
block_device_cache_noflush = false
block_device_logical_sector_size = 0
block_device_physical_sector_size = 0
enable_iothreads = false
indep_iothreads = 0
queue_size = 128
num_queues = 1
enable_mem_prealloc = false
enable_hugepages = false
enable_vhost_user_store = false
vhost_user_store_path = "/var/run/kata-containers/vhost-user"
enable_iommu = false
enable_iommu_platform = false
valid_vhost_user_store_paths = ["/var/run/kata-containers/vhost-user"]
pflashes = []
enable_debug = false
extra_monitor_socket = ""
disable_nesting_checks = false
disable_image_nvdimm = false
cold_plug_vfio = "no-port"
pcie_root_port = 0
pcie_switch_port = 0
disable_vhost_net = false
entropy_source =  "/dev/urandom"
valid_entropy_sources = ["/dev/urandom","/dev/random",""]
guest_hook_path = ""
tdx_quote_generation_service_socket_port = 0
rx_rate_limiter_max_rate = 0
tx_rate_limiter_max_rate = 0
network_queues = 1
guest_memory_dump_path = ""
guest_memory_dump_paging = false
disable_selinux = false
disable_guest_selinux = true

[hypervisor.qemu.factory]
enable_template = false
template_path = "/run/vc/vm/template"

[agent.kata]
enable_debug = false
enable_tracing = false
kernel_modules = []
debug_console_enabled = false
dial_timeout_ms = 10
reconnect_timeout_ms = 3000
create_container_timeout = 30

[agent.kata.mem_agent]
${memAgent(300)}
[runtime]
enable_debug = false
internetworking_model = "tcfilter"
name = "virt_container"
hypervisor_name = "qemu"
agent_name = "kata"
disable_guest_seccomp = true
enable_vcpus_pinning = false
enable_tracing = false
jaeger_endpoint = ""
jaeger_user = ""
jaeger_password = ""
disable_new_netns = false
sandbox_cgroup_only = true
static_sandbox_resource_mgmt = true
sandbox_bind_mounts = []
vfio_mode = "guest-kernel"
emptydir_mode = "shared-fs"
experimental = []
enable_pprof = false
dan_conf = "/run/kata-containers/dans"
`;

/** Keys that Kata's parser takes though no file of Kata's has them: to go after `[hypervisor.<name>]`. */
export const rareHypervisorKeys = `
initrd = ""
kernel_verity_params = "root_hash=00,salt=00,data_blocks=1,data_block_size=4096,hash_block_size=4096"
jailer_path = ""
valid_jailer_paths = []
disk_rate_limiter_bw_max_rate = 0
disk_rate_limiter_bw_one_time_burst = 0
disk_rate_limiter_ops_max_rate = 0
disk_rate_limiter_ops_one_time_burst = 0
hugepage_type = "thp"
virtio_fs_is_dax = false
prefetch_list_path = ""
confidential_guest = false
sev_snp_guest = false
snp_id_block = ""
snp_id_auth = ""
snp_guest_policy = 196608
initdata = ""
selinux_label = ""
disable_nested_virtualization = true
hypervisor_socket = "/run/peerpod/hypervisor.sock"
hypervisor_timeout = 600
default_gpus = 0
default_gpu_model = ""
boot_to_be_template = false
boot_from_template = false
memory_path = ""
device_state_path = ""
guest_extension_images = [{ name = "x", path = "/x.img", verity_params = "" }]
firmware_volume = ""
use_legacy_serial = false
vhost_user_reconnect_timeout_sec = 0
remote_hypervisor_socket = "/run/peerpod/hypervisor.sock"
remote_hypervisor_timeout = 600
rootless_user = { uid = 1000, gid = 1000, groups = [10, 20], user_name = "kata" }
`;

/** The same for `[agent.<name>]`. */
export const rareAgentKeys = `
server_port = 1024
log_port = 1025
passfd_listener_port = 1027
health_check_request_timeout_ms = 90000
cdh_api_timeout_ms = 50000
launch_process_timeout = 0
visible_cdi_devices = false
policy = ""
`;

/** The same for `[runtime]`. */
export const rareRuntimeKeys = `
pod_resource_api_sock = ""
kubelet_root_dir = "/var/lib/kubelet"
shared_mounts = [{ name = "m", src_ctr = "a", src_path = "/x", dst_ctr = "b", dst_path = "/y/z" }]
`;
