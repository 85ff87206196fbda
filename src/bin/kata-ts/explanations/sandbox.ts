import type { Explanations } from "./explanation.js";

/** Of pods, containers, their specs, sizes, records and templates. */
export const sandbox: Explanations = {
  KATA_SANDBOX_EXISTS: {
    cause: "A sandbox of this id runs, or a crash has left its directory.",
    cure: "Take another id, or remove what was left: `kata-ts recover --clean`.",
  },
  KATA_SANDBOX_ID: {
    cause: "An id or a namespace has characters that cannot be part of a path.",
    cure: "Take letters, digits, `_`, `.` and `-`.",
  },
  KATA_SANDBOX_DIRECTORY: {
    cause: "The sandbox's directory cannot be made: no space, a read-only file system, or no permission.",
    cure: "See the cause in the message; the runtime must be root and have room in /run.",
  },
  KATA_SANDBOX_ROLE: {
    cause: "The annotation that says whether a container is the pod's own or one in it has an unknown value.",
    cure: "Let containerd or CRI-O set it, or write one of the words in the message.",
  },
  KATA_SANDBOX_UNNAMED: {
    cause: "A container says that it is part of a pod and not of which.",
    cure: "Set the sandbox's id by one of the annotations in the message.",
  },
  KATA_SANDBOX_UNKNOWN: {
    cause: "A container is to be put into a pod that this shim does not have: it has ended, or it is another shim's.",
    cure: "Create the pod first; after a crash see `kata-ts recover --list`.",
  },
  KATA_SANDBOX_ENDED: {
    cause: "The pod's own container has ended, and with it the machine takes no more containers.",
    cure: "Make the pod anew.",
  },
  KATA_SANDBOX_HERE: {
    cause: "A sandbox is to be taken over by the process that has it.",
    cure: "Nothing: it is served already.",
  },
  KATA_STATE: {
    cause: "A step was asked for out of order: a second start, or a delete of what still runs.",
    cure: "Take the step that the message names first.",
  },
  KATA_LIMITS_UNKNOWN: {
    cause: "Limits are to be changed of a container that has ended or was never sized.",
    cure: "Nothing, when it was just removed; else correct the id.",
  },
  KATA_RESOURCE_ORDER: {
    cause: "A share, disk or card needs another one that was not prepared before it: a mistake in a plugin.",
    cure: "Name what it needs in an order that can be followed; report it when no plugin of yours is loaded.",
  },
  KATA_RECORD_WRITE: {
    cause: "The sandbox's record cannot be written: no room in /run, or it is read-only.",
    cure: "Make room; without a record the sandbox is not started, for a crash could not be cleaned up.",
  },
  KATA_RECORD_READ: {
    cause: "The sandbox's record is there and cannot be read.",
    cure: "See the cause in the message; the program must be root.",
  },
  KATA_RECORD_UNTRUSTED: {
    cause: "The record, or a directory above it, can be written by somebody else than root.",
    cure: "Look at what it names, undo that by hand, and remove the directory; see how it came to be writable.",
  },
  KATA_RECORD_BROKEN: {
    cause: "The record is not of a form that this version knows.",
    cure: "Clean up with the version that wrote it, or by hand.",
  },
  KATA_SHIM_LEFTOVER: {
    cause: "Something that a sandbox left, a mount or a process, could not be undone.",
    cure: "See the cause in the message, undo it by hand, and run `kata-ts recover --clean` again.",
  },
  KATA_RECOVER_NO_STATE: {
    cause: "There is nothing to go on from: the sandbox was half made, or its machine lived in the shim that died.",
    cure: "Remove it with `kata-ts recover --clean` and make the pod anew.",
  },
  KATA_RECOVER_STATE_READ: {
    cause: "The sandbox's state is there and cannot be read.",
    cure: "See the cause in the message, or remove the sandbox with `kata-ts recover --clean`.",
  },
  KATA_RECOVER_STATE_TRUST: {
    cause: "The state could have been written by somebody else than root.",
    cure: "Do not go on from it: remove the sandbox with `kata-ts recover --clean`.",
  },
  KATA_RECOVER_STATE_VERSION: {
    cause: "Another version of kata-ts wrote the state.",
    cure: "Take the sandbox over with that version, or remove it with `kata-ts recover --clean`.",
  },
  KATA_RECOVER_STATE_BROKEN: {
    cause: "The state is damaged: the disk was full, or the host lost power.",
    cure: "Remove the sandbox with `kata-ts recover --clean`.",
  },
  KATA_RECOVER_PART: {
    cause:
      "A part of the sandbox cannot be taken over by another shim: its plugin has no way to, or it has changed meanwhile.",
    cure: "Remove the sandbox with `kata-ts recover --clean` and make the pod anew.",
  },
  KATA_SIZE_INVALID: {
    cause: "An annotation or a limit that the machine is sized by is not a number of the right form.",
    cure: "Correct it as the message says.",
  },
  KATA_SIZE_ONLINE: {
    cause: "The machine has grown, and its agent cannot have the guest use what is new.",
    cure: "Set `static_sandbox_resource_mgmt = true`, or use an agent that can.",
  },
  KATA_SWAP_MACHINE: {
    cause: "Guests shall have swap, and the machine takes no disks while it runs that the agent could find for it.",
    cure: "Set a `block_device_driver` that the message lists, or `enable_guest_swap = false`.",
  },
  KATA_SWAP_AGENT: {
    cause: "Guests shall have swap, and the agent has no way to have its guest use it.",
    cure: "Set `enable_guest_swap = false`, or use an agent that can.",
  },
  KATA_SWAP_DIRECTORY: {
    cause: "Swap files cannot be made where `guest_swap_path` says, or others than root could change them there.",
    cure: "Set another `guest_swap_path`, or correct whose the directory is and who may write to it.",
  },
  KATA_SWAP_SPACE: {
    cause: "The file system of `guest_swap_path` has less free than all swap files together may come to need.",
    cure: "Free space, set another `guest_swap_path`, or a smaller `guest_swap_size_percent`.",
  },
  KATA_TEMPLATE_OFF: {
    cause: "A template is asked for and `enable_template` is false.",
    cure: "Set it to true in the hypervisor's table `factory`.",
  },
  KATA_TEMPLATE_UNSUPPORTED: {
    cause: "The chosen hypervisor cannot go on from a saved machine.",
    cure: "Choose dragonball, or set `enable_template = false`.",
  },
  KATA_TEMPLATE_REFUSED: {
    cause: "A machine with these settings cannot be saved and copied.",
    cure: "Change the key that the message names, or set `enable_template = false`.",
  },
  KATA_TEMPLATE_EXISTS: {
    cause: "There is a template, or something else, at that path.",
    cure: "Run `kata-ts factory destroy`, or set another `template_path`.",
  },
  KATA_TEMPLATE_AGENT: {
    cause:
      "The agent cannot give each copy a clock and random numbers of its own, without which copies would share secrets.",
    cure: "Use an agent that can, or set `enable_template = false`.",
  },
  KATA_OCI_FIELD: {
    cause: "The container's spec has a value that the guest's agent cannot be told.",
    cure: "Correct the field in config.json; containerd writes it from the pod.",
  },
  KATA_CONTAINER_EXISTS: {
    cause: "A container of this id is there.",
    cure: "Delete it first, or take another id.",
  },
  KATA_VOLUME_NOT_HERE: {
    cause: "A shim is asked for a direct volume that none of its containers has.",
    cure: "Nothing is wrong where others are asked as well, as `kata-ts direct-volume` does.",
  },
  KATA_VOLUME_AGENT: {
    cause: "The agent plugin that runs the guest has no capability for volumes.",
    cure: "Use the agent `kata`, or resize the volume while no pod has it.",
  },
  KATA_CONTAINER_UNKNOWN: {
    cause: "There is no container of this id here, or not any more.",
    cure: "Correct the id; the message lists those there are.",
  },
  KATA_PROCESS_UNKNOWN: {
    cause: "The container has no process of this exec id, or not any more.",
    cure: "Correct the id; the message lists those there are.",
  },
  KATA_PROCESS_EXISTS: {
    cause: "The container has a process of this exec id.",
    cure: "Take another id, or delete that process.",
  },
  KATA_PROCESS_FINISHED: {
    cause: "A signal or input was for a process that has ended by itself.",
    cure: "Nothing: its exit status can be asked for.",
  },
  KATA_SPEC_UNSUPPORTED: {
    cause: "The spec asks for something that cannot be had in a virtual machine, or not yet.",
    cure: "Take it out of the pod; the message says why it is refused.",
  },
  KATA_SPEC_INVALID: {
    cause: "config.json breaks the OCI runtime spec.",
    cure: "Correct the field; whoever writes the bundle has made it.",
  },
  KATA_DEVICE_NO_DISKS: {
    cause: "A container has a disk as device, and `disable_block_device_use` is set.",
    cure: "Take the device out of the pod, or set the key to false.",
  },
  KATA_CGROUP_ABSENT: {
    cause: "The pod has limits and the host no cgroups that could keep them.",
    cure: "Mount cgroups (`kata-ts check` says what is missing), or drop the limits.",
  },
  KATA_VCPU_PINNING: {
    cause:
      "A thread of the machine cannot be put on the CPUs of the pod: they are offline, or outside of the shim's cpuset.",
    cure: "Correct `linux.resources.cpu.cpus`, or set `enable_vcpus_pinning = false`.",
  },
  KATA_VCPU_PINNING_UNSUPPORTED: {
    cause: "The hypervisor does not say which of its threads run the guest.",
    cure: "Set `enable_vcpus_pinning = false`, or choose another hypervisor.",
  },
  KATA_VM_DIED: {
    cause:
      "The machine ended without being told to: its process was killed for memory or crashed, or the guest powered it off, reset it, or had a fault that it could not handle (a triple fault).",
    cure: "See the reason and the console in the message, dmesg of the host for the OOM killer, and the hypervisor's own output.",
  },
  KATA_GUEST_PANIC: {
    cause: "The guest's kernel panicked: out of memory, a broken image, or a fault of it.",
    cure: "See the console in the message; give the machine more memory (`default_memory`) if that was short.",
  },
  KATA_AGENT_LOST: {
    cause:
      "The agent in the guest has ended the connection: it crashed, was killed for memory, or the guest is going down.",
    cure: "See the console in the message and the agent's log; the pod must be made anew.",
  },
  KATA_SHARE_LOST: {
    cause: "Whatever serves the shared directory has ended, so that containers cannot reach their files.",
    cure: "See the cause, often the daemon's own output; the pod must be made anew.",
  },
};
