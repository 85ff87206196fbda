import type { Explanations } from "./explanation.js";

/** Of the agent inside of the guest, and of the image that the guest is. They reach the host inside of a `KATA_RPC_…`. */
export const guest: Explanations = {
  KATA_GUEST_ARGUMENT: {
    cause: "A field of a request to the agent is not of the form that it takes.",
    cure: "Correct it where it comes from: the spec or a plugin.",
  },
  KATA_GUEST_SANDBOX_EXISTS: {
    cause: "The guest was asked to make its sandbox twice.",
    cure: "Report it: a guest has one for its life.",
  },
  KATA_GUEST_NO_SANDBOX: {
    cause: "A container was asked for before the guest's sandbox.",
    cure: "In a handler of your own call `createSandbox` first.",
  },
  KATA_GUEST_CONTAINER_EXISTS: {
    cause: "The guest has a container of this id.",
    cure: "Remove it first, or take another id.",
  },
  KATA_GUEST_CONTAINER_UNKNOWN: {
    cause: "The guest has no container of this id, or not any more.",
    cure: "Correct the id.",
  },
  KATA_GUEST_CONTAINER_STATE: {
    cause: "A step was asked of a container that is not in the state for it.",
    cure: "Take the steps in order: create, start, and then the rest.",
  },
  KATA_GUEST_PROCESS_EXISTS: {
    cause: "The container has a process of this exec id.",
    cure: "Take another id.",
  },
  KATA_GUEST_PROCESS_UNKNOWN: {
    cause: "The container has no process of this exec id, or not any more.",
    cure: "Correct the id.",
  },
  KATA_GUEST_PROCESS_ENDED: {
    cause: "A signal or input was for a process that has ended.",
    cure: "Nothing: its exit status can be asked for.",
  },
  KATA_GUEST_NO_TERMINAL: {
    cause: "A window's size was set of a process without a terminal.",
    cure: "Start it with `terminal: true`.",
  },
  KATA_GUEST_STDIN_CLOSED: {
    cause: "Something was written to a process whose input is closed.",
    cure: "Nothing, when it was closed on purpose.",
  },
  KATA_GUEST_PROGRAM: {
    cause: "A program inside of the guest failed: the OCI runtime, mount or mkfs.",
    cure: "Read its output in the message; it is mostly about the container's spec.",
  },
  KATA_GUEST_COMMAND: {
    cause: "The container's command cannot be run: it is not there, not executable, or for another architecture.",
    cure: "Correct the command or the image.",
  },
  KATA_GUEST_DEVICE_ABSENT: {
    cause: "A device was plugged and the guest's kernel does not show it.",
    cure: "See the guest's console: it may lack the driver.",
  },
  KATA_GUEST_SCSI_ABSENT: {
    cause: "A SCSI disk was plugged and the guest's kernel does not show it.",
    cure: "See the guest's console: it may lack virtio_scsi.",
  },
  KATA_GUEST_CARD_ABSENT: {
    cause: "A network card was plugged and the guest's kernel does not show it.",
    cure: "See the guest's console: it may lack virtio_net, or the driver of a card that is passed through.",
  },
  KATA_GUEST_LINK_UNKNOWN: {
    cause: "A request names a link that the guest does not have.",
    cure: "Correct it; the message lists those there are.",
  },
  KATA_GUEST_ROUTE: {
    cause: "The guest's kernel refuses a route of the pod.",
    cure: "See the cause: mostly its gateway is not reachable by any link.",
  },
  KATA_GUEST_NO_IPTABLES: {
    cause: "iptables of the guest are asked for and its image has none.",
    cure: "Use an image that has them.",
  },
  KATA_GUEST_IPTABLES: {
    cause: "The guest's iptables refuse the rules.",
    cure: "Correct them; their words are in the message.",
  },
  KATA_GUEST_RULES_SIZE: {
    cause: "The guest has more rules than an answer has room for.",
    cure: "List them inside of the guest.",
  },
  KATA_GUEST_STORAGE: {
    cause: "A storage of a container cannot be mounted in the guest.",
    cure: "See the cause: its file system may be damaged, or unknown to the guest's kernel.",
  },
  KATA_GUEST_VOLUME_UNKNOWN: {
    cause: "A volume is asked for that the guest has not mounted, or not any more.",
    cure: "Ask for it while a container that has it runs.",
  },
  KATA_GUEST_VOLUME_TYPE: {
    cause: "A volume is to be made larger whose file system the agent cannot make larger.",
    cure: "Use ext4 for volumes that grow, or make the volume larger while no pod has it.",
  },
  KATA_GUEST_VOLUME_GROW: {
    cause: "The guest's disk has not got the new size, or its file system does not take it.",
    cure: "Read in the message which of them it was; a file system that was made for a small disk may be full of its tables.",
  },
  KATA_GUEST_HUGE_PAGES: {
    cause: "The guest has too little free memory for the huge pages of a volume.",
    cure: "Raise `default_memory`, or have the pod ask for fewer.",
  },
  KATA_GUEST_STORAGE_DRIVER: {
    cause: "The agent does not know this kind of storage.",
    cure: "Use one that the message lists, or another agent.",
  },
  KATA_GUEST_DEVICE_TYPE: {
    cause: "The agent does not know this kind of device.",
    cure: "Use one that the message lists, or another agent.",
  },
  KATA_GUEST_MODULE: {
    cause: "A kernel module that `kernel_modules` names is not in the guest, or does not load.",
    cure: "Take it out, or use an image that has it.",
  },
  KATA_GUEST_NO_SWAP: {
    cause: "The guest shall have swap, and its kernel is built without.",
    cure: "Use a kernel with CONFIG_SWAP, or set `enable_guest_swap = false`.",
  },
  KATA_GUEST_SWAP: {
    cause:
      "The guest's kernel refuses a disk as swap: it has too many already, or the disk has no head of a swap area.",
    cure: "See the kernel's words in the guest's console; with very many small changes of limits, set a longer `guest_swap_create_threshold_secs`.",
  },
  KATA_GUEST_FEATURE: {
    cause: "Something is asked for that this agent does not have.",
    cure: "Do without, or use another agent.",
  },
  KATA_GUEST_SLOT_UNKNOWN: {
    cause: "The guest's kernel has no slot for what the machine plugged: it was started by another version.",
    cure: "Use a guest kernel and image that belong to this version.",
  },
  KATA_GUEST_SLOT_EMPTY: {
    cause: "A slot was said to have a device and has none.",
    cure: "Try again; report it if it stays so.",
  },
  KATA_GUEST_DEVICE_REFUSED: {
    cause: "The guest's kernel has no driver for a device that was plugged.",
    cure: "Use a guest kernel that has it.",
  },
  KATA_GUEST_PROCESSOR_UNKNOWN: {
    cause: "A processor was plugged that the guest's kernel was not told of at its start.",
    cure: "Raise `default_maxvcpus`.",
  },
  KATA_GUEST_IMAGE_ARCH: {
    cause: "A guest for this architecture cannot be built.",
    cure: "Set `kernel` and `image` to ones that you have.",
  },
  KATA_GUEST_IMAGE_COMMAND: {
    cause: "A program that builds the image failed or is not installed.",
    cure: "Read its output in the message; install it.",
  },
  KATA_GUEST_IMAGE_PACKAGE: {
    cause: "A package of the distribution that the image is made of cannot be had.",
    cure: "`apt-get update`, or install the packages on this machine.",
  },
  KATA_GUEST_IMAGE_FILE: {
    cause: "A package of the distribution does not hold what it did: it is of another version.",
    cure: "Build on Debian 12.",
  },
  KATA_GUEST_IMAGE_MODULE: {
    cause: "The distribution's kernel lacks a module that the guest needs.",
    cure: "Use Debian's cloud kernel.",
  },
  KATA_GUEST_IMAGE_LIBRARY: {
    cause: "A program of the image needs a shared library that is not there.",
    cure: "Install the library's package on this machine.",
  },
  KATA_GUEST_IMAGE_AGENT: {
    cause: "The agent's bundle is missing or damaged.",
    cure: "`npm run build` in a checkout; install the package again elsewhere.",
  },
  KATA_GUEST_IMAGE_FORMAT: {
    cause: "A file that the image is made of is damaged.",
    cure: "Install its package again.",
  },
  KATA_GUEST_IMAGE_BROKEN: {
    cause: "An image that was built is incomplete or was changed.",
    cure: "Remove its directory and build it again.",
  },
};
