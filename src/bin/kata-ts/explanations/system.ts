import type { Explanations } from "./explanation.js";

/** Of the kernel, processes, input and output, and cgroups of the host. */
export const system: Explanations = {
  KATA_SYS_UNAVAILABLE: {
    cause: "koffi, by which the kernel is called, is not installed or does not load on this system.",
    cure: "Install the package with its optional dependencies, on Linux; beside a bundle install koffi as `docs/packaging.md` says.",
  },
  KATA_SYS_MOUNTINFO: {
    cause: "The kernel's list of mounts has a line of an unknown form.",
    cure: "Report it with the line.",
  },
  KATA_SYS_MOUNT_OPTION: {
    cause: "A mount asks for an option that cannot be given to the kernel.",
    cure: "Take it out of the mount, or write it as the message says.",
  },
  KATA_SYS_MOUNT_DATA_LENGTH: {
    cause: "The options of a mount are longer than the kernel takes: an image with very many layers.",
    cure: "Build the image with fewer layers, or keep containerd's root in a shorter path.",
  },
  KATA_SYS_PATH: {
    cause: "A path holds what no path can, or leads outside of where it must stay.",
    cure: "Correct it where it comes from: the pod, the image or the configuration.",
  },
  KATA_SYS_SYMLINK: {
    cause: "What is to be mounted or opened is a symbolic link, which the kernel would follow somewhere else.",
    cure: "Name what the link points to.",
  },
  KATA_SYS_CROSSES_MOUNT: {
    cause: "A directory is to be removed and something is mounted in it.",
    cure: "Unmount it; `findmnt` shows what it is. What a sandbox left is undone by `kata-ts recover --clean`.",
  },
  KATA_SYS_NOT_FIFO: {
    cause: "A path for a process's input or output is something else than a fifo.",
    cure: "Make it with mkfifo, or name a file as `file:///path`.",
  },
  KATA_SYS_NAMESPACE_ASYNC: {
    cause: "Code entered a network namespace and left it before it had finished: a mistake in the program.",
    cure: "Give `namespaces` an action that does all of its work before it returns.",
  },
  KATA_SYS_WATCH: {
    cause: "The descriptor is of a kind that says nothing of its readiness, or too many are watched.",
    cure: "Raise `fs.epoll.max_user_watches` or the limit of open files if they are exhausted; else report it.",
  },
  KATA_SYS_TOO_MANY_DESCRIPTORS: {
    cause: "The program at the other end of a socket sent more file descriptors than it may.",
    cure: "Look at what that program is; it does not keep to the protocol.",
  },
  KATA_SYS_VALUE: {
    cause: "A number for the kernel is not of the form that the call takes.",
    cure: "Correct it where it comes from: the spec, the configuration or the plugin.",
  },
  KATA_NETLINK_BROKEN: {
    cause: "The kernel's answer about links or addresses is not of the form that is known.",
    cure: "Report it with the kernel's version.",
  },
  KATA_NETLINK_SILENT: {
    cause: "The kernel did not answer a question about links in time: the host is overloaded, or a driver hangs.",
    cure: "See whether `ip link` answers, and what dmesg says.",
  },
  KATA_NETLINK_CHANGING: {
    cause: "Links, addresses or routes changed all the time while they were listed.",
    cure: "Try again; find what changes them if it goes on.",
  },
  KATA_NETLINK_VALUE: {
    cause: "A name or an address is not one that the kernel takes.",
    cure: "Correct it where it comes from: the link, the DAN file or the plugin.",
  },
  KATA_PROCESS_SPAWN: {
    cause:
      "A program could not be started: it is not there, not executable, or the host has no memory or processes left.",
    cure: "Install it or correct its path; the message has the system's own words.",
  },
  KATA_PROCESS_STUCK: {
    cause: "A helper process survives SIGKILL: it waits in the kernel for a disk or a device that hangs.",
    cure: "See `/proc/PID/stack` and dmesg for what it waits for; it goes when that answers.",
  },
  KATA_FILE_KIND: {
    cause: "A file that is to be read is a directory, a device, a fifo or a socket.",
    cure: "Put a plain file there.",
  },
  KATA_IO_URI: {
    cause: "A process's stream is named in a form that is not known.",
    cure: "Name it in one of the forms of the message.",
  },
  KATA_IO_NOT_FIFO: {
    cause: "A stream is named by a plain path, which is taken for a fifo, and something else is there.",
    cure: "Make a fifo, or write `file:///path` for a file.",
  },
  KATA_IO_MISSING: {
    cause: "The fifo of a stream is not there: its client has made none, or has ended and removed it.",
    cure: "Make it before the process is asked for; see whether the client still lives.",
  },
  KATA_IO_OPEN: {
    cause: "The fifo cannot be opened, for the reason in the message.",
    cure: "Correct its permissions, or raise the limit of open files.",
  },
  KATA_IO_FILE: {
    cause: "The file that output is to be appended to cannot be opened or made.",
    cure: "Make its directory, and see its permissions and the space left.",
  },
  KATA_IO_LOGGER_UNTRUSTED: {
    cause:
      "A logger (`binary://`) is not executable, or somebody else than root can change it or a directory above it.",
    cure: "Have it and its directories belong to root with `chmod go-w`.",
  },
  KATA_IO_LOGGER_NOT_READY: {
    cause: "A logger was started and did not say that it is ready, as containerd's protocol asks it to.",
    cure: "See its own output in the message; a logger closes descriptor 5 when it is ready.",
  },
  KATA_IO_LOGGER_ENDED: {
    cause: "A logger ended as soon as it was started.",
    cure: "See its own output in the message, and the parameters in its URI.",
  },
  KATA_IO_CLOSED: {
    cause: "Something was to be written to a stream that is closed.",
    cure: "Nothing, when the process has ended; else open the process's stdin and keep it open.",
  },
  KATA_CGROUP_PATH: {
    cause: "The path of a cgroup, from the spec, is not one.",
    cure: "Correct `linux.cgroupsPath`; containerd makes it of the pod's settings.",
  },
  KATA_CGROUP_TAKEN: {
    cause: "The cgroup for the sandbox has processes or cgroups of somebody else in it.",
    cure: "Give the pod a path of its own; remove what a crash left with `kata-ts recover --clean`.",
  },
  KATA_CGROUP_CREATE: {
    cause: "The directory of a cgroup cannot be made: no permission, a read-only mount, or too many cgroups.",
    cure: "See the cause in the message; the runtime must be root of this cgroup hierarchy.",
  },
  KATA_CGROUP_CONTROLLER: {
    cause: "A limit is asked for whose controller is off here.",
    cure: "Turn it on (`cgroup.subtree_control` of the directories above, or the kernel's command line), or drop the limit.",
  },
  KATA_CGROUP_LIMIT: {
    cause: "The kernel refuses the value of a limit.",
    cure: "Correct it; often it is below what is in use, or names a CPU or device that is not there.",
  },
  KATA_CGROUP_VALUE: {
    cause: "A limit in the spec has a value that cannot be one.",
    cure: "Correct it as the message says.",
  },
  KATA_CGROUP_MOVE: {
    cause:
      "The kernel does not let a process or thread into a cgroup: it has ended, or the cgroup has no CPUs or is threaded.",
    cure: "See the cause in the message and the cgroup's `cgroup.type` and cpusets.",
  },
  KATA_CGROUP_GONE: {
    cause: "No cgroup hierarchy of the needed version is mounted.",
    cure: "Mount it: `mount -t cgroup2 cgroup2 /sys/fs/cgroup`.",
  },
  KATA_CGROUP_BUSY: {
    cause: "A sandbox has ended, and its cgroup still holds processes.",
    cure: "See what they are (`cgroup.procs`): often they wait for a device. The directory can be removed when they are gone.",
  },
  KATA_CGROUP_SYSTEMD: {
    cause: "The cgroup is named as a unit of systemd, which runs here, and the program that asks it is missing.",
    cure: "Install `busctl`, a part of systemd, into the PATH of containerd; or use paths: `cgroupDriver: cgroupfs` in the kubelet.",
  },
  KATA_SYSTEMD_REFUSED: {
    cause:
      "systemd does not do what it was asked for: a name it does not take, a unit that is there, a bus that is not.",
    cure: "See its own words in the message; `busctl status org.freedesktop.systemd1` tells whether the bus answers at all.",
  },
  KATA_SYSTEMD_ANSWER: {
    cause: "systemd, or busctl, answered something else than what is documented.",
    cure: "See the answer in the message; report it with the version of systemd (`systemctl --version`).",
  },
  KATA_SYSTEMD_UNIT: {
    cause: "systemd took the unit for a sandbox's cgroup, and could not start it.",
    cure: "Ask `systemctl status` for the unit, or the journal; often a slice above it is stopped at that moment.",
  },
};
