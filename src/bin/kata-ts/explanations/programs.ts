import type { Explanations } from "./explanation.js";

/** Of the programs: `kata-ts`, containerd's shim, its task service. */
export const programs: Explanations = {
  KATA_USAGE: {
    cause: "A command was given arguments that it does not take.",
    cure: "Write it as the usage in the message says; `kata-ts help` lists all.",
  },
  KATA_USAGE_KIND: {
    cause: "`kata-ts plugin new` was asked for a kind of plugin that it has no template of.",
    cure: "Take one of those that the message lists; for another kind begin with the contract in `src/core/contracts`.",
  },
  KATA_USAGE_NAME: {
    cause: "The name for a new plugin is not one that configuration and packages can have.",
    cure: "Give another, such as `my-vmm`.",
  },
  KATA_USAGE_EXISTS: {
    cause: "Something is at the place where a new plugin was to be written.",
    cure: "Remove it, or name another directory by `--directory`.",
  },
  KATA_VOLUME_NOWHERE: {
    cause:
      "`kata-ts direct-volume stats` or `resize` names a path that no container of this host has as a direct volume.",
    cure: "Give the path as the pod has it, while a container with it runs; `--run` names another root of sandboxes.",
  },
  KATA_USAGE_ROOTFS: {
    cause: "The root file system that `kata-ts run` was given is no directory.",
    cure: "Give one that holds bin, etc and so on.",
  },
  KATA_RECOVER_SHIM: {
    cause: "A shim was started for a sandbox that lives, and did not take it over.",
    cure: "See its words in the message; `kata-ts recover --clean` removes the sandbox instead.",
  },
  KATA_SHIM_FLAG: {
    cause: "The shim was given a flag that it does not know.",
    cure: "Use a containerd that speaks shim version 2.",
  },
  KATA_SHIM_ARGUMENT: {
    cause: "containerd gave the shim a value that cannot be used: an id, a path or an address.",
    cure: "Correct it where it comes from, as the message says.",
  },
  KATA_SHIM_ACTION: {
    cause: "The shim was asked for something else than start or delete.",
    cure: "Let containerd start it.",
  },
  KATA_SHIM_PARAMETERS: {
    cause: "The shim was started by something else than containerd.",
    cure: "Let containerd start it; `kata-ts run` runs a container without.",
  },
  KATA_SHIM_RUNNING: {
    cause: "The sandbox has a shim that lives, and another one was to be started.",
    cure: "Nothing, when two requests met; else delete the pod first.",
  },
  KATA_SHIM_SOCKET: {
    cause: "The shim cannot listen on its socket.",
    cure: "See the cause in the message: space, permission, or the path's length.",
  },
  KATA_SHIM_GONE: {
    cause: "A container is to be put into a pod whose shim does not run.",
    cure: "Make the pod anew; see `kata-ts recover --list` for what lives.",
  },
  KATA_SHIM_STATE: {
    cause: "The shim cannot write a file in its bundle.",
    cure: "See the cause in the message: mostly no space.",
  },
  KATA_SHIM_UNTRUSTED: {
    cause:
      "What shims note of themselves is a link, another user's, or can be written by others: so whoever put it there could have a process killed.",
    cure: "Look at the path that the message names, find out who made it, and remove it if no shim serves its sandbox.",
  },
  KATA_SHIM_STUCK: {
    cause: "A shim that is to be deleted survives SIGKILL: it waits in the kernel.",
    cure: "See `/proc/PID/stack` and dmesg.",
  },
  KATA_BUNDLE_CONFIG_MISSING: {
    cause: "The bundle has no config.json.",
    cure: "Let containerd make the bundle, or write one.",
  },
  KATA_BUNDLE_CONFIG_UNREADABLE: {
    cause: "The bundle's config.json cannot be read.",
    cure: "See the cause in the message.",
  },
  KATA_BUNDLE_CONFIG_TOO_LARGE: {
    cause: "The bundle's config.json is larger than any real one.",
    cure: "Make it smaller: fewer variables, mounts and annotations.",
  },
  KATA_JSON_SYNTAX: {
    cause: "A file or an option is not JSON.",
    cure: "Correct it at the line that the message names.",
  },
  KATA_JSON_SHAPE: {
    cause: "A field of config.json has a value of the wrong type.",
    cure: "Correct it as the message says.",
  },
  KATA_TASK_BUNDLE_PATH: {
    cause: "The bundle's path is relative or has `..` in it.",
    cure: "Give an absolute path.",
  },
  KATA_TASK_OPTIONS: {
    cause: "containerd gives runtime options of a type that is not known.",
    cure: "Take the options out of the runtime's table in containerd's configuration, or use those of the message.",
  },
  KATA_TASK_OPTIONS_BROKEN: {
    cause: "containerd gives runtime options that cannot be decoded.",
    cure: "Correct the runtime's table in containerd's configuration.",
  },
  KATA_TASK_OPTIONS_BODY: {
    cause: "The runtime options hold the text of a configuration.",
    cure: "Put it into a file and name that as `ConfigPath`.",
  },
  KATA_TASK_NONE: {
    cause: "The shim has no container yet.",
    cure: "Create it first.",
  },
  KATA_TASK_CONFIG_PATH: {
    cause: "`ConfigPath` is not absolute.",
    cure: "Write an absolute path.",
  },
  KATA_TASK_PAYLOAD: {
    cause: "A request carries something of another type than its method takes.",
    cure: "Use a containerd that speaks shim version 2.",
  },
  KATA_TASK_CHECKPOINT: {
    cause: "A checkpoint was asked for, which containers in virtual machines do not have.",
    cure: "Do without.",
  },
  KATA_TASK_LISTEN: {
    cause: "The task service cannot listen on its socket.",
    cure: "See the cause in the message: somebody listens there, or its directory is not writable.",
  },
  KATA_TASK_CLOSED: {
    cause: "A request came while the shim is ending.",
    cure: "Nothing; containerd starts another shim for the next pod.",
  },
};
