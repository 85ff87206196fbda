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
  KATA_NETWORK_DRIVER: {
    status: "FAILED_PRECONDITION",
    message: (p: { device: string; driver: string; wanted: string }) =>
      `the PCI device ${p.device} did not go to the driver ${p.wanted}, it has ${p.driver || "none"}; load it (modprobe ${p.wanted}), and see that the host has an IOMMU`,
  },
  KATA_NETWORK_NO_AGENT: {
    status: "UNIMPLEMENTED",
    message: (p: { agent: string; links: readonly string[] }) =>
      `the agent "${p.agent}" cannot set up a network, and the pod has: ${p.links.join(", ")}; set runtime.internetworking_model = "none", or choose another runtime.agent_name`,
  },
});
