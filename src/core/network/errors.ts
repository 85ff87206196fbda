import { defineErrors } from "../errors/error.js";

/** Errors of the pod's network. */
export const networkErrors = defineErrors({
  KATA_NETWORK_NAMESPACE: {
    status: "INVALID_ARGUMENT",
    message: (p: { path: string; why: string }) =>
      `the pod's network namespace ${JSON.stringify(p.path)} (linux.namespaces of config.json) ${p.why}`,
  },
  KATA_NETWORK_OWN: {
    status: "UNIMPLEMENTED",
    message: (p: { path: string }) =>
      `the pod's network namespace ${p.path} is the runtime's own: a virtual machine cannot use the host's network (hostNetwork, --net-host); give the pod a namespace of its own`,
  },
  KATA_NETWORK_DUPLICATE: {
    status: "INVALID_ARGUMENT",
    message: (p: { address: string; first: string; second: string; namespace: string }) =>
      `the address ${p.address} is on "${p.first}" and on "${p.second}" of ${p.namespace}; the guest cannot have both`,
  },
  KATA_NETWORK_MTU: {
    status: "INVALID_ARGUMENT",
    message: (p: { link: string; mtu: number; least: number; most: number }) =>
      `the MTU of "${p.link}" is ${p.mtu}; a virtual machine's card takes ${p.least} to ${p.most} bytes`,
  },
  KATA_NETWORK_HARDWARE_ADDRESS: {
    status: "INVALID_ARGUMENT",
    message: (p: { link: string; address: string }) =>
      `the hardware address of "${p.link}" is ${JSON.stringify(p.address)}; a virtual machine's card needs six bytes, as in 02:00:00:00:00:01`,
  },
  KATA_NETWORK_LINK_GONE: {
    status: "NOT_FOUND",
    message: (p: { link: string; namespace: string; there: readonly string[] }) =>
      `the link "${p.link}" is not in ${p.namespace} any more; there are: ${p.there.join(", ") || "none"}`,
  },
  KATA_NETWORK_QDISC_TAKEN: {
    status: "FAILED_PRECONDITION",
    message: (p: { link: string; namespace: string; kind: string; filters: string }) =>
      `the link "${p.link}" of ${p.namespace} has a qdisc "${p.kind}" already (${p.filters}), where the runtime would hang its own; remove it (tc qdisc del dev ${p.link} ${p.kind}), or set runtime.internetworking_model = "macvtap"`,
  },
  KATA_NETWORK_TAP_TAKEN: {
    status: "ALREADY_EXISTS",
    message: (p: { tap: string; namespace: string }) =>
      `a link "${p.tap}" is in ${p.namespace} already: is another runtime using that namespace? If not, remove it (ip link del dev ${p.tap})`,
  },
  KATA_NETWORK_CARD: {
    status: "FAILED_PRECONDITION",
    message: (p: { link: string; kind: string; namespace: string; links: number }) =>
      `the virtual machine takes no card for the ${p.kind} "${p.link}" of ${p.namespace}, link number ${p.links} of the pod`,
  },
  KATA_NETWORK_ENDPOINT: {
    status: "FAILED_PRECONDITION",
    message: (p: { link: string; kind: string; namespace: string }) =>
      `the ${p.kind} "${p.link}" of ${p.namespace} cannot be given to the virtual machine`,
  },
  KATA_NETWORK_NO_PCI: {
    status: "FAILED_PRECONDITION",
    message: (p: { link: string; address: string }) =>
      `the device behind "${p.link}" is at ${JSON.stringify(p.address)}, which is no PCI address: only PCI devices can be passed through`,
  },
  KATA_NETWORK_NO_VFIO: {
    status: "FAILED_PRECONDITION",
    message: (p: { device: string; driver: string }) =>
      `the PCI device ${p.device} cannot be passed through: the host's kernel has no driver ${p.driver}; load it (modprobe ${p.driver})`,
  },
  KATA_NETWORK_NO_IOMMU: {
    status: "FAILED_PRECONDITION",
    message: (p: { device: string }) =>
      `the PCI device ${p.device} cannot be passed through: no IOMMU keeps it to the guest's memory; turn it on in the firmware and on the host's kernel command line (intel_iommu=on, amd_iommu=on)`,
  },
  KATA_NETWORK_IOMMU_GROUP: {
    status: "FAILED_PRECONDITION",
    message: (p: { device: string; group: string; others: readonly string[] }) =>
      `the PCI device ${p.device} cannot be passed through alone: its IOMMU group ${p.group} has ${p.others.join(", ")} too, which drivers of the host have; unbind them, or bind them to vfio-pci`,
  },
  KATA_NETWORK_NOT_BACK: {
    status: "DEADLINE_EXCEEDED",
    message: (p: { device: string; driver: string; ms: number }) =>
      `the PCI device ${p.device} was given back to its driver ${p.driver}, but no link of it appeared in the host's namespace in ${p.ms} ms`,
  },
  KATA_NETWORK_DRIVER: {
    status: "FAILED_PRECONDITION",
    message: (p: { device: string; driver: string; wanted: string }) =>
      `the PCI device ${p.device} did not go to the driver ${p.wanted}, it has ${p.driver || "none"}; dmesg(1) of the host may say why`,
  },
  KATA_NETWORK_NO_AGENT: {
    status: "UNIMPLEMENTED",
    message: (p: { agent: string; links: readonly string[] }) =>
      `the agent "${p.agent}" cannot set up a network, and the pod has: ${p.links.join(", ")}; set runtime.internetworking_model = "none", or choose another runtime.agent_name`,
  },
});
