/**
 * Modules the image carries for the agent and the containers to load when they need them; `*` stands for anything. One
 * that the kernel does not have is left out, unless it is in `agentModules`.
 */
export const optionalModules: readonly string[] = [
  // machines: memory, entropy, clocks
  "virtio_balloon",
  "virtio_mem",
  "virtio_rng",
  "ptp_kvm",
  // disks and file systems
  "virtio_scsi",
  "sd_mod",
  "virtio_pmem",
  "nd_pmem",
  "nfit",
  "dm_mod",
  "dm_verity",
  "loop",
  "erofs",
  "squashfs",
  "xfs",
  "isofs",
  "vfat",
  "nls_*",
  // networks that containers make
  "tun",
  "veth",
  "bridge",
  "br_netfilter",
  "8021q",
  "dummy",
  "macvlan",
  "ipvlan",
  "vxlan",
  "wireguard",
  "sch_fq",
  "sch_fq_codel",
  "sch_ingress",
  "tcp_bbr",
  // packet filters that containers set
  "nf_conntrack",
  "nf_nat",
  "nf_log_*",
  "nf_tables",
  "nfnetlink*",
  "nft_*",
  "ip_tables",
  "ip6_tables",
  "iptable_*",
  "ip6table_*",
  "ipt_*",
  "ip6t_*",
  "xt_*",
  "x_tables",
  "ip_set*",
];

/** Modules the agent cannot do without. */
export const agentModules: readonly string[] = [
  "virtio_pci",
  "virtio_mmio",
  "virtio_blk",
  "virtio_console",
  "virtio_net",
  "vmw_vsock_virtio_transport",
  "virtiofs",
  "overlay",
];
