import type { Explanations } from "./explanation.js";

const guestBreaksRules = (what: string) => ({
  cause: `The guest breaks the rules of virtio: ${what}. Its driver is at fault, or it is hostile.`,
  cure: "Use a guest kernel whose drivers keep to the specification; the device stops and the host is not touched.",
});

const ownDaemon = "See the daemon's own output, and its version.";

/** Of the virtual machine inside of this process. */
export const vmm: Explanations = {
  KATA_VMM_KERNEL_FORMAT: {
    cause: "The kernel's file is not one that can be started.",
    cure: "Give an uncompressed vmlinux or a bzImage for x86-64.",
  },
  KATA_VMM_KERNEL_SPACE: {
    cause: "The kernel does not fit into the guest's memory.",
    cure: "Raise `default_memory`.",
  },
  KATA_VMM_INITRD_SPACE: {
    cause: "The initrd does not fit into the guest's memory below what the kernel reads one from.",
    cure: "Raise `default_memory`, or give a smaller initrd.",
  },
  KATA_VMM_INITRD_EMPTY: {
    cause: "The initrd's file is empty.",
    cure: "Give a whole one or none; build the guest again if it is ours.",
  },
  KATA_VMM_LOW_MEMORY: {
    cause: "The machine has less memory than any starts with.",
    cure: "Raise `default_memory`.",
  },
  KATA_VMM_COMMAND_LINE_LENGTH: {
    cause: "The kernel's parameters are longer than the kernel takes.",
    cure: "Shorten `kernel_params`.",
  },
  KATA_VMM_COMMAND_LINE_CHARACTER: {
    cause: "The kernel's parameters hold a control character, such as a line's end.",
    cure: "Part them by spaces.",
  },
  KATA_VMM_TABLE_VALUE: {
    cause: "A number for one of the guest's firmware tables has no room in it: too many or too large a device.",
    cure: "Give the machine fewer processors or devices; report it if it has few.",
  },
  KATA_VMM_TABLE_TEXT: {
    cause: "A name in one of the guest's firmware tables is not of its form: a mistake in the program.",
    cure: "Report it.",
  },
  KATA_VMM_TABLE_SPACE: {
    cause: "The guest's firmware tables have no room for so many processors or devices.",
    cure: "Give the machine fewer.",
  },
  KATA_VMM_MEMORY_MAP: {
    cause: "The guest's memory is in more stretches than a kernel can be told of.",
    cure: "Give it fewer, larger ones.",
  },
  KATA_VMM_GUEST_ADDRESS: guestBreaksRules("it names memory that it does not have"),
  KATA_VMM_GUEST_NUMBER: guestBreaksRules("a number is larger than any that makes sense"),
  KATA_VMM_GUEST_ALIGNMENT: guestBreaksRules("an address is not aligned"),
  KATA_VMM_NOT_GUEST_MEMORY: {
    cause: "A kernel call was to be made on memory that is not the guest's: a mistake in the program.",
    cure: "Report it.",
  },
  KATA_VMM_MEMORY_SIZE: {
    cause: "The size of the machine's memory is not a multiple of its page's size.",
    cure: "Correct it; with huge pages it is a multiple of theirs.",
  },
  KATA_VMM_MEMORY_SAVED: {
    cause: "Pages were to be given back of a machine whose memory goes on from a template.",
    cure: "Do without the balloon in machines that start from a template.",
  },
  KATA_VMM_QUEUE: guestBreaksRules("a virtqueue is broken"),
  KATA_VMM_VCPU_STUCK: {
    cause:
      "A processor of the machine did not come back from the kernel in time: the host is overloaded, or KVM hangs.",
    cure: "See dmesg of the host and its load.",
  },
  KATA_VMM_STOPPED: {
    cause: "A machine that has been stopped was to be started again.",
    cure: "Make a new `MicroVm`.",
  },
  KATA_VMM_SLOTS: {
    cause: "The machine's slots for devices are all taken.",
    cure: "Give the pod fewer disks, cards and shares.",
  },
  KATA_VMM_DEVICE_EXISTS: {
    cause: "A device of this id is in the machine.",
    cure: "Give each one an id of its own.",
  },
  KATA_VMM_DEVICE_UNKNOWN: {
    cause: "The machine has no device of this id.",
    cure: "Correct it; the message lists those there are.",
  },
  KATA_VMM_DEVICE: {
    cause: "A device cannot be plugged, changed or taken out; the message says why.",
    cure: "Mend what it says: often the guest's kernel lacks a driver.",
  },
  KATA_VMM_DEVICE_STAYS: {
    cause: "A device of this kind, or one the machine was started with, cannot be taken out.",
    cure: "Leave it until the machine ends.",
  },
  KATA_VMM_VCPUS: {
    cause: "More or fewer processors are asked for than the machine can have.",
    cure: "Raise `default_maxvcpus`, or ask for fewer.",
  },
  KATA_VMM_NOT_RUNNING: {
    cause: "Something was asked of a machine that has not started, or has ended.",
    cure: "Start it first; nothing, when the pod is being ended.",
  },
  KATA_VMM_FUSE_REQUEST: guestBreaksRules("a request to a shared directory is none of FUSE"),
  KATA_VMM_FUSE_ROOT: {
    cause: "The directory to share cannot be opened, or is none.",
    cure: "Correct the path.",
  },
  KATA_VMM_SNAPSHOT_RUNNING: {
    cause: "A machine was to be saved while it runs.",
    cure: "Pause it first.",
  },
  KATA_VMM_SNAPSHOT_DEVICE: {
    cause: "The machine has a device whose state cannot be saved.",
    cure: "Save it before that is plugged.",
  },
  KATA_VMM_SNAPSHOT_MEMORY: {
    cause: "The machine's memory is of a kind that cannot be saved, such as huge pages.",
    cure: "See the message, and change the key that makes it so.",
  },
  KATA_VMM_SNAPSHOT_EXISTS: {
    cause: "A machine is saved there already.",
    cure: "Remove it: `kata-ts factory destroy` for a template.",
  },
  KATA_VMM_SNAPSHOT_WRITE: {
    cause: "The saved machine could not be written: no space, or no permission.",
    cure: "Make room for as much as the guest's memory.",
  },
  KATA_VMM_SNAPSHOT_MISSING: {
    cause: "There is no saved machine at that path.",
    cure: "Make one: `kata-ts factory init` for a template.",
  },
  KATA_VMM_SNAPSHOT_OWNER: {
    cause: "Somebody else could have written the saved machine.",
    cure: "Remove it and make it anew as the user that runs it, mode 0600.",
  },
  KATA_VMM_SNAPSHOT_STATE: {
    cause: "The saved machine is damaged.",
    cure: "Remove it and make it anew.",
  },
  KATA_VMM_SNAPSHOT_FORMAT: {
    cause: "Another version of kata-ts saved the machine.",
    cure: "Make it anew with this one: `kata-ts factory destroy`, then `init`.",
  },
  KATA_VMM_SNAPSHOT_ARCHITECTURE: {
    cause: "The machine was saved on a host of another architecture.",
    cure: "Save it on this one.",
  },
  KATA_VMM_SNAPSHOT_PROCESSOR: {
    cause: "This host's processors lack something that the saved machine's had.",
    cure: "Save it on this host.",
  },
  KATA_VMM_SNAPSHOT_MISMATCH: {
    cause: "Configuration has changed since the machine was saved.",
    cure: "Make the template anew: `kata-ts factory destroy`, then `init`.",
  },
  KATA_VMM_BALLOON_REQUEST: guestBreaksRules("its balloon names pages in a form that is none"),
  KATA_VMM_BALLOON_TARGET: {
    cause: "A size was asked of the balloon that it cannot have.",
    cure: "Ask for a multiple of 4096 bytes.",
  },
  KATA_VMM_BLOCK_REQUEST: guestBreaksRules("a request to a disk has no room for its answer"),
  KATA_VMM_DISK_SHORT: {
    cause: "A disk's file became shorter while the machine used it.",
    cure: "See what truncates it; the data are lost.",
  },
  KATA_VMM_DISK_DIRECT: {
    cause: "`block_device_cache_direct` is set, and the disk's file system cannot do that.",
    cure: "Set it to false, or keep the disk elsewhere; tmpfs cannot.",
  },
  KATA_VMM_DISK_FILE: {
    cause: "What is to be a disk is neither a plain file nor a block device.",
    cure: "Give one of those.",
  },
  KATA_VMM_FS_TAG: {
    cause: "The tag of a shared directory is empty, too long, or holds a NUL.",
    cure: "Take another one.",
  },
  KATA_VMM_MEM_REQUEST: guestBreaksRules("a request for memory is of the wrong length"),
  KATA_VMM_MEM_REGION: {
    cause: "The region for memory to be plugged is not aligned to its blocks.",
    cure: "Correct address and size; report it when they are not yours.",
  },
  KATA_VMM_MEM_SIZE: {
    cause: "More memory is asked for than can be plugged, or not in whole blocks.",
    cure: "Ask for a multiple of the block's size; raise `default_maxmemory`.",
  },
  KATA_VMM_NET_BUFFER: guestBreaksRules("a buffer of a network queue has no room for a frame's header"),
  KATA_VMM_NET_MAC: {
    cause: "The address for a network card is none.",
    cure: "Write six bytes in hexadecimal with colons, the first of them even.",
  },
  KATA_VMM_NET_VALUE: {
    cause: "A setting of a network card is out of its range.",
    cure: "Correct it as the message says.",
  },
  KATA_VMM_NET_TAP: {
    cause: "Reading or writing a card's tap failed: the link was removed on the host.",
    cure: "See what removes it; the cause is in the message.",
  },
  KATA_VMM_NET_VHOST: {
    cause: "The kernel cannot serve a card by vhost-net.",
    cure: "`modprobe vhost_net`, or set `disable_vhost_net = true`.",
  },
  KATA_VMM_VHOST_USER_CONNECT: {
    cause: "The daemon that is to serve a device does not listen on its socket.",
    cure: "Start it first, or correct the path.",
  },
  KATA_VMM_VHOST_USER_ENDED: {
    cause: "The daemon that serves a device has ended or hung up.",
    cure: ownDaemon,
  },
  KATA_VMM_VHOST_USER_CLOSED: {
    cause: "A device was used after it had ended.",
    cure: "Nothing, when the pod is being ended.",
  },
  KATA_VMM_VHOST_USER_ANSWER: {
    cause: "The daemon answers what is not of the vhost-user protocol.",
    cure: ownDaemon,
  },
  KATA_VMM_VHOST_USER_REFUSED: {
    cause: "The daemon refuses a request.",
    cure: ownDaemon,
  },
  KATA_VMM_VHOST_USER_FEATURES: {
    cause: "The daemon lacks a feature without which the device cannot be.",
    cure: "Use a newer daemon, or one that serves this kind of device.",
  },
  KATA_VMM_VHOST_USER_QUEUES: {
    cause: "More queues are asked for than the daemon serves.",
    cure: "Ask for fewer (`network_queues`), or start the daemon with more.",
  },
  KATA_VMM_VHOST_USER_MEMORY: {
    cause: "The guest's memory cannot be given to the daemon: it is not shared, or in too many stretches.",
    cure: "See the message.",
  },
  KATA_VMM_VHOST_USER_TRANSPORT: {
    cause: "The device is on a transport that cannot let a daemon serve its queues: a mistake in the program.",
    cure: "Report it.",
  },
  KATA_VMM_VHOST_USER_TAG: {
    cause: "The tag of a file system that a daemon serves is empty, too long, or holds a NUL.",
    cure: "Take another one.",
  },
  KATA_VMM_VSOCK_CID: {
    cause: "The guest's vsock id is one that guests cannot have.",
    cure: "Take one from 3 on.",
  },
  KATA_VMM_VSOCK_BUFFER: guestBreaksRules("a buffer of a vsock queue has no room for a packet's header"),
};
