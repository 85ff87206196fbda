import type { Explanations } from "./explanation.js";

/** Of the pod's network. */
export const network: Explanations = {
  KATA_NETWORK_NAMESPACE: {
    cause: "The network namespace that the spec names is not there, or is none.",
    cure: "Let containerd make it, or correct the path in `linux.namespaces`; it must live as long as the pod.",
  },
  KATA_NETWORK_OWN: {
    cause: "The pod asks for the host's own network, which a virtual machine cannot use.",
    cure: "Take `hostNetwork` off the pod.",
  },
  KATA_NETWORK_DUPLICATE: {
    cause: "Two links of the pod have the same address.",
    cure: "Correct the CNI configuration.",
  },
  KATA_NETWORK_MTU: {
    cause: "A link's MTU is out of what a virtual card can have.",
    cure: "Set another one in the CNI configuration.",
  },
  KATA_NETWORK_HARDWARE_ADDRESS: {
    cause: "A link has no Ethernet address: a tunnel or an InfiniBand link.",
    cure: "Give the pod a link of Ethernet.",
  },
  KATA_NETWORK_LINK_GONE: {
    cause: "A link was there when the pod's network was looked at, and is not any more.",
    cure: "See what removes it: mostly the CNI plugin that ends the pod.",
  },
  KATA_NETWORK_QDISC_TAKEN: {
    cause: "Somebody else has a queueing discipline on the link where the runtime hangs its filters.",
    cure: 'Remove it, or set `internetworking_model = "macvtap"`.',
  },
  KATA_NETWORK_TAP_TAKEN: {
    cause:
      "The name that the runtime gives its tap is taken in the pod's namespace: another runtime uses it, or a crash left it.",
    cure: "Use one runtime a namespace, or remove the link.",
  },
  KATA_NETWORK_CARD: {
    cause: "The machine has no room for another card, or refuses this one; the cause is in the message.",
    cure: "Give the pod fewer links, or the machine more slots.",
  },
  KATA_NETWORK_ENDPOINT: {
    cause: "A link cannot be joined with the machine; the cause is in the message.",
    cure: "Mend what the cause says; it is mostly the kernel's refusal of a link, a filter or a device.",
  },
  KATA_NETWORK_NO_PCI: {
    cause: "The device behind a physical link is on no PCI bus.",
    cure: "Give the pod a PCI device, or a veth.",
  },
  KATA_NETWORK_NO_VFIO: {
    cause: "The host's kernel has no driver to pass a device through with.",
    cure: "`modprobe vfio-pci`.",
  },
  KATA_NETWORK_NO_IOMMU: {
    cause: "The host has no IOMMU that is on, so a device could write anywhere.",
    cure: "Turn it on in the firmware, and by `intel_iommu=on` or `amd_iommu=on`.",
  },
  KATA_NETWORK_IOMMU_GROUP: {
    cause: "The device shares its IOMMU group with others that the host uses.",
    cure: "Bind the others to vfio-pci, or put the card into another slot.",
  },
  KATA_NETWORK_NOT_BACK: {
    cause: "A device was given back to its driver and its link has not come again.",
    cure: "See dmesg of the host; `echo ADDRESS > /sys/bus/pci/drivers_probe` has it tried once more.",
  },
  KATA_NETWORK_DRIVER: {
    cause: "The kernel did not give the device to the driver that was asked for.",
    cure: "See dmesg of the host; the driver must be loaded and take this device.",
  },
  KATA_NETWORK_NO_AGENT: {
    cause: "The pod has links and the agent in the guest cannot set up a network.",
    cure: 'Set `internetworking_model = "none"`, or choose another agent.',
  },
  KATA_DAN_READ: {
    cause: "The pod's file in `dan_conf` is there and cannot be read.",
    cure: "See the cause in the message; without the file the pod's namespace is looked at.",
  },
  KATA_DAN_UNTRUSTED: {
    cause: "The pod's file in `dan_conf` can be written by others, or is a link to another place.",
    cure: "Have it and its directories belong to root with `chmod go-w`.",
  },
  KATA_DAN_SYNTAX: {
    cause: "The pod's file in `dan_conf` is not JSON.",
    cure: "Correct it.",
  },
  KATA_DAN_FIELD: {
    cause: "A field of the pod's file in `dan_conf` is missing or of the wrong form.",
    cure: "Correct it as the message says; `docs/network.md` has the form.",
  },
  KATA_DAN_UNKNOWN_KEY: {
    cause: "The pod's file in `dan_conf` has a key that is not known.",
    cure: "Correct its name; the message lists those there are.",
  },
  KATA_DAN_DEVICE: {
    cause: "A tap or a socket that the pod's file in `dan_conf` names is not there, or of no use.",
    cure: "Make it before the pod starts, or correct the file.",
  },
};
