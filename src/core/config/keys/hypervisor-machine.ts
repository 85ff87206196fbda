import { boolean, choice, implemented, integer, noEffect, number, string, strings, table, tables } from "./key.js";
import { kataLogLevels } from "./runtime.js";

const hostPath = { path: true } as const;
const mebibytes = { unit: "MiB", max: 0xffffffff } as const;
const noConfidential = noEffect("confidential guests are not supported");
const noRemote = noEffect("there is no remote hypervisor");
const noTemplates = noEffect("a template is made and used by [hypervisor.<name>.factory] alone");

/** Keys of the VMM itself, and of what an annotation may say about it. */
export const programKeys = {
  path: string("", "The VMM's program; empty for a VMM inside this process, or to have it found.", hostPath),
  valid_hypervisor_paths: strings([], "Patterns of the paths that the annotation `path` may name.", implemented),
  ctlpath: string("", "The VMM's control program.", hostPath),
  valid_ctlpaths: strings([], "Patterns of control programs.", noEffect("no annotation names a control program")),
  jailer_path: string("", "The VMM's jailer.", hostPath),
  valid_jailer_paths: strings([], "Patterns of the paths that the annotation `jailer_path` may name.", implemented),
  enable_annotations: strings(
    [],
    "Annotations a pod may use: each a regular expression that must match the whole name.",
    { ...implemented, patterns: true },
  ),
  enable_debug: boolean(false, "Debug output of the VMM and of the guest's kernel."),
  log_level: choice(kataLogLevels, "info", "Least severe level that the VMM logs."),
  disable_nesting_checks: boolean(
    false,
    "Leaves out what is done differently when the host is itself a virtual machine.",
    noEffect("nothing is done differently on such a host"),
  ),
  extra_monitor_socket: choice(["", "hmp", "qmp", "qmp-pretty"], "", "One more monitor socket of QEMU, to debug it.", {
    aliases: ["dbg_monitor_socket"],
  }),
  guest_memory_dump_path: string("", "Directory for a dump of the guest's memory when its kernel panics.", {
    ...hostPath,
    ...noEffect("memory dumps are not taken"),
  }),
  guest_memory_dump_paging: boolean(false, "Has the dump follow page tables.", noEffect("memory dumps are not taken")),
};

/** Keys of what the guest boots. */
export const bootKeys = {
  kernel: string("", "Guest kernel; empty is the one of the guest image that kata-ts built.", hostPath),
  image: string("", "Guest root image; empty is the built one, unless initrd is set.", hostPath),
  initrd: string("", "Initial ram disk: the whole guest, or with image what mounts it.", hostPath),
  rootfs_type: choice(["ext4", "xfs", "erofs"], "ext4", "File system of the guest root image.", { unset: "" }),
  vm_rootfs_driver: string("virtio-blk-pci", "How the guest root image is attached.", {
    ...noEffect("the guest root image is always a disk of virtio-blk"),
    unset: "",
  }),
  kernel_params: string("", "Added to the guest kernel's command line."),
  kernel_verity_params: string(
    "",
    "Description of dm-verity for the guest root image.",
    noEffect("the guest root image is not verified by dm-verity yet"),
  ),
  firmware: string("", "Firmware image; empty is the VMM's own.", hostPath),
  guest_extension_images: tables(
    {
      name: string("", "Name of the image."),
      path: string("", "The image.", hostPath),
      verity_params: string("", "Description of dm-verity for it."),
    },
    "Further images mounted in the guest.",
    noEffect("extension images are not supported"),
  ),
};

/** Keys of the machine and its CPUs. */
export const machineKeys = {
  machine_type: string("", "Machine model of the VMM; empty is the VMM plugin's choice.", { unset: "" }),
  machine_accelerators: string("", "Comma-separated options added to the machine model."),
  cpu_features: string("", "Comma-separated CPU features to add or take away."),
  pflashes: strings([], "Flash images of the machine."),
  default_vcpus: number(1, "vCPUs at boot; 0 is 1, below 0 is all of the host's.", { unset: 0, max: 256 }),
  overhead_vcpus: number(0, "vCPUs added to a pod's own CPU limit.", { min: 0, max: 256 }),
  default_maxvcpus: integer(0, "Most vCPUs of the machine; 0 is as many as the host has.", { max: 256 }),
  default_bridges: integer(0, "PCI bridges for hotplug.", { max: 5 }),
  disable_nested_virtualization: boolean(undefined, "Hides virtualization from the guest."),
  entropy_source: string("/dev/urandom", "Host source of the guest's random numbers.", { ...hostPath, unset: "" }),
  valid_entropy_sources: strings([], "Paths that the annotation `entropy_source` may name.", implemented),
};

/** Keys of the machine's memory. */
export const memoryKeys = {
  default_memory: integer(2048, "Memory at boot.", { ...mebibytes, min: 64, unset: 0 }),
  overhead_memory: integer(0, "Memory added to a pod's own memory limit.", mebibytes),
  default_maxmemory: integer(0, "Most memory of the machine; 0 is as much as the host has.", mebibytes),
  memory_slots: integer(10, "How often memory can be plugged in.", { max: 256, unset: 0 }),
  memory_offset: integer(0, "Address space kept for NVDIMM devices.", { unit: "MiB" }),
  enable_mem_prealloc: boolean(false, "Allocates all memory at boot."),
  enable_hugepages: boolean(false, "Backs the memory with huge pages."),
  hugepage_type: choice(["hugetlbfs", "thp"], "hugetlbfs", "Kind of huge pages."),
  enable_virtio_mem: boolean(false, "Resizes memory with virtio-mem."),
  reclaim_guest_freed_memory: boolean(false, "Gives memory that the guest frees back to the host."),
  enable_guest_swap: boolean(false, "Gives the guest swap, in files of the host."),
  guest_swap_path: string("/run/kata-containers/swap", "Directory of swap files on the host.", hostPath),
  guest_swap_size_percent: integer(100, "Swap of the guest, of its memory.", { unit: "%", min: 1, max: 1000 }),
  guest_swap_create_threshold_secs: integer(
    60,
    "Time from a container's new limits to the swap that they make for; with 0 it is there before them.",
    { unit: "s", max: 86_400 },
  ),
};

/** Keys of machines that start from a template; `[hypervisor.<name>.factory]` among them. */
export const templateKeys = {
  factory: table(
    {
      enable_template: boolean(false, "Starts machines as copies of one that has booted."),
      template_path: string("/run/vc/vm/template", "Directory of the template.", { ...hostPath, unset: "" }),
    },
    "Machines started from a template.",
  ),
  boot_to_be_template: boolean(false, "Boots this machine as the template.", noTemplates),
  boot_from_template: boolean(false, "Starts this machine from the template.", noTemplates),
  memory_path: string("", "Memory file of the template.", { ...hostPath, ...noTemplates }),
  device_state_path: string("", "Device state file of the template.", { ...hostPath, ...noTemplates }),
};

const ignored = noEffect("Kata's Rust runtime ignores it too, though some of its files have it");

/** Keys that some of Kata's files have and its Rust runtime does not read. */
export const ignoredKeys = {
  firmware_volume: string("", "Second half of a split firmware image.", ignored),
  use_legacy_serial: boolean(false, "Gives the guest a serial port of the old kind.", ignored),
  vhost_user_reconnect_timeout_sec: integer(0, "Time between attempts to reach a vhost-user socket again.", {
    ...ignored,
    unit: "s",
  }),
  remote_hypervisor_socket: string("", "Former name of hypervisor_socket.", ignored),
  remote_hypervisor_timeout: integer(0, "Former name of hypervisor_timeout.", { ...ignored, unit: "s" }),
};

/** Keys of confidential guests and of guests on another machine. */
export const confidentialKeys = {
  confidential_guest: boolean(false, "Encrypts the guest's memory.", noConfidential),
  sev_snp_guest: boolean(false, "Uses SEV-SNP instead of SEV.", noConfidential),
  snp_id_block: string("", "SNP identity block, in base64.", noConfidential),
  snp_id_auth: string("", "SNP identity authentication, in base64.", noConfidential),
  snp_guest_policy: integer(0x30000, "SNP guest policy.", { ...noConfidential, max: 0xffffffff }),
  tdx_quote_generation_service_socket_port: integer(4050, "Port of the TDX quote service.", {
    ...noConfidential,
    max: 0xffffffff,
  }),
  initdata: string("", "Initial data of a confidential guest.", noConfidential),
  hypervisor_socket: string("/run/peerpod/hypervisor.sock", "Socket of a remote hypervisor.", {
    ...hostPath,
    ...noRemote,
  }),
  hypervisor_timeout: integer(600, "Time a remote hypervisor may take.", { ...noRemote, unit: "s" }),
  default_gpus: integer(0, "GPUs of a remote machine.", { ...noRemote, max: 0xffffffff }),
  default_gpu_model: string("", "GPU model of a remote machine.", noRemote),
};
