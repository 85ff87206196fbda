import type { Explanations } from "./explanation.js";

/** Of hypervisors: what is common to them, QEMU, Dragonball. */
export const hypervisors: Explanations = {
  KATA_HYPERVISOR_DEVICE: {
    cause: "The hypervisor cannot have such a device, or not with these settings.",
    cure: "Change what the message names, or choose another hypervisor.",
  },
  KATA_HYPERVISOR_DEVICE_EXISTS: {
    cause: "A device of this id is in the machine.",
    cure: "Take it out first; in a plugin of your own give each device an id of its own.",
  },
  KATA_HYPERVISOR_DEVICE_UNKNOWN: {
    cause: "A device is to be taken out that the machine does not have.",
    cure: "Correct the id; the message lists those there are.",
  },
  KATA_HYPERVISOR_UNSUPPORTED: {
    cause: "The hypervisor cannot do this at all, or not in this kind of machine.",
    cure: "Change the key that the message names, or choose another hypervisor.",
  },
  KATA_HYPERVISOR_RESIZE: {
    cause: "The machine cannot have so many vCPUs or so much memory.",
    cure: "Raise `default_maxvcpus` or `default_maxmemory`, or ask for less.",
  },
  KATA_HYPERVISOR_STATE: {
    cause: "A step was asked of a machine that is not in the state for it.",
    cure: "Take the steps in order: prepare, start, and then the rest; nothing, when it has just ended.",
  },
  KATA_HYPERVISOR_NO_GUEST: {
    cause: "No kernel and image are configured and none has been built.",
    cure: "Run `kata-ts guest build`, or set `kernel` and `image`.",
  },
  KATA_HYPERVISOR_GUEST_FILE: {
    cause: "The kernel or image that is configured cannot be used.",
    cure: "Correct the key at the place that the message names.",
  },
  KATA_HYPERVISOR_COMMAND_LINE: {
    cause: "The kernel's parameters are longer than the kernel reads.",
    cure: "Shorten `kernel_params`.",
  },
  KATA_QEMU_MISSING: {
    cause: "QEMU is not installed, or `path` names no program.",
    cure: "Install qemu-system-x86, or correct `path`.",
  },
  KATA_QEMU_NO_KVM: {
    cause: "`machine_accelerators` insists on KVM and the host has none that runs guests.",
    cure: "Load kvm_intel or kvm_amd, turn virtualization on in the firmware, or take `accel=kvm` out.",
  },
  KATA_QEMU_START: {
    cause: "QEMU runs and did not get as far as its kernel in time.",
    cure: "See its words in the message; a daemon of a card (vhost-user) must listen before.",
  },
  KATA_QEMU_EXITED: {
    cause: "QEMU ended at its start: it refuses an argument, a file, or has no memory.",
    cure: "See its words in the message.",
  },
  KATA_QEMU_GONE: {
    cause: "A sandbox is to be taken over whose QEMU has ended.",
    cure: "Remove it with `kata-ts recover --clean` and make the pod anew.",
  },
  KATA_QEMU_ADOPT: {
    cause: "QEMU runs, and its monitor does not let another shim take it over.",
    cure: "See the cause in the message, or remove the sandbox with `kata-ts recover --clean`.",
  },
  KATA_QEMU_NO_CID: {
    cause: "Every vsock id that was tried is taken, or /dev/vhost-vsock does not work.",
    cure: "Load vhost_vsock; see that machines of dead sandboxes are gone.",
  },
  KATA_QEMU_DEVICE_STAYS: {
    cause: "The guest does not let go of a device: it is in use, or the guest hangs or is paused.",
    cure: "Resume it, and see the guest's console.",
  },
  KATA_QEMU_GUEST_REFUSES: {
    cause: "The guest's kernel refuses to take or give back memory or a processor.",
    cure: "See the guest's console.",
  },
  KATA_QEMU_BUS_FULL: {
    cause: "The machine's slots for devices are all taken.",
    cure: "Give the pod fewer links, disks and shares, or raise the key that the message names.",
  },
  KATA_QMP_GARBAGE: {
    cause: "What QEMU's monitor sent is not of its protocol.",
    cure: "See that `path` names a QEMU, and its version.",
  },
  KATA_QMP_LOST: {
    cause: "QEMU ended or closed its monitor while a command waited.",
    cure: "See QEMU's output and dmesg for the OOM killer.",
  },
  KATA_QMP_NO_DEVICE: {
    cause: "QEMU does not have the device that a command names.",
    cure: "Nothing, when it was taken out meanwhile; else report it.",
  },
  KATA_QMP_STATUS: {
    cause: "QEMU's machine is stopped by an error of its own: a disk with no space, or a fault inside.",
    cure: "See its status in the message and QEMU's output.",
  },
  KATA_QMP_REFUSED: {
    cause: "QEMU refuses a command, with its reason in the message.",
    cure: "See the reason; an older QEMU may lack the command.",
  },
  KATA_DRAGONBALL_NO_KVM: {
    cause: "Dragonball runs machines by KVM alone, and the host has none that runs guests.",
    cure: "Load kvm_intel or kvm_amd, or choose qemu.",
  },
  KATA_DRAGONBALL_COPY: {
    cause: "A machine that went on from a template does not answer to what was plugged into it.",
    cure: "Make the template anew: `kata-ts factory destroy`, then `init`.",
  },
  KATA_DRAGONBALL_START: {
    cause: "The machine did not start its kernel.",
    cure: "See the console in the message, and that the kernel is an uncompressed vmlinux or a bzImage.",
  },
};
