import { boolean, choice, implemented, integer, type KeyValues, noEffect, string, strings, tables } from "./key.js";

/** Levels of Kata's loggers, least first. */
export const kataLogLevels = ["trace", "debug", "info", "warn", "error", "critical"] as const;

const noTracing = noEffect("traces are not exported");
const noPassfd = noEffect("process streams go over the agent's RPC; passing file descriptors is not supported");

/** Keys of one `[[runtime.shared_mounts]]`. */
export const sharedMountKeys = {
  name: string("", "Name of the pair of mount points."),
  src_ctr: string("", "Container whose directory is shared."),
  src_path: string("", "Path of that directory in its container."),
  dst_ctr: string("", "Container that gets it."),
  dst_path: string("", "Path at which it is mounted there."),
};

/** Keys of `[runtime]`. */
export const runtimeKeys = {
  name: string("virt-container", "Runtime handler; Kata writes it virt_container.", {
    ...implemented,
    unset: "",
    spellings: {
      virt_container: "virt-container",
      linux_container: "linux-container",
      wasm_container: "wasm-container",
    },
  }),
  hypervisor_name: string("qemu", "Hypervisor plugin; its table is [hypervisor.<name>].", {
    ...implemented,
    unset: "",
  }),
  agent_name: string("kata", "Agent plugin; its table is [agent.<name>].", { ...implemented, unset: "" }),
  enable_debug: boolean(false, "Writes debug lines to the runtime's log."),
  log_level: choice(kataLogLevels, "info", "Least severe level that the runtime logs."),
  keep_abnormal: boolean(false, "Keeps what an abnormal end left behind, for a look at it."),
  internetworking_model: string("tcfilter", "Network model plugin that joins the pod's links with the machine's.", {
    ...implemented,
    unset: "",
  }),
  disable_new_netns: boolean(false, "Runs the hypervisor in the host's network namespace; needs the model none."),
  disable_guest_seccomp: boolean(true, "Drops seccomp profiles instead of applying them in the guest."),
  sandbox_cgroup_only: boolean(false, "One host cgroup a sandbox holds all of its processes."),
  enable_vcpus_pinning: boolean(false, "Pins each vCPU thread to a CPU when their numbers are equal."),
  static_sandbox_resource_mgmt: boolean(false, "Sizes the machine once, from the pod's limits, and never resizes it."),
  enable_tracing: boolean(false, "Exports trace spans of the runtime.", noTracing),
  jaeger_endpoint: string("", "URL of the Jaeger collector; empty is http://localhost:14268/api/traces.", noTracing),
  jaeger_user: string("", "User name at the Jaeger collector.", noTracing),
  jaeger_password: string("", "Password at the Jaeger collector.", { ...noTracing, secret: true }),
  enable_pprof: boolean(false, "Serves Go profiles.", noEffect("there is no Go here; Kata 4 ignores it too")),
  sandbox_bind_mounts: strings([], "Host paths shown to every container of the sandbox, each `path[:ro|rw]`."),
  vfio_mode: choice(["guest-kernel", "vfio"], "guest-kernel", "How a passed-through device appears in its container.", {
    ...noEffect("devices are not passed to containers yet"),
    unset: "",
  }),
  emptydir_mode: choice(
    ["shared-fs", "block-encrypted", "block-plain"],
    "shared-fs",
    "How Kubernetes' emptyDir volumes on disk reach the guest: shared, or each as a disk in a file of its own.",
    { unset: "" },
  ),
  experimental: strings([], "Experimental features to turn on.", noEffect("there are no experimental features")),
  dan_conf: string(
    "/run/kata-containers/dans",
    "Directory whose <sandbox id>.json says a pod's interfaces (DAN); its network namespace is not looked at then.",
    { path: true },
  ),
  use_passfd_io: boolean(false, "Passes process streams to the machine as file descriptors.", noPassfd),
  passfd_listener_port: integer(1027, "Port of the agent for passed file descriptors.", noPassfd),
  shared_mounts: tables(
    sharedMountKeys,
    "Directories that one container of a pod shares with another.",
    noEffect("sharing directories between containers is not supported"),
  ),
  pod_resource_api_sock: string(
    "",
    "The kubelet's pod resources socket.",
    noEffect("devices are not plugged from the kubelet's list"),
  ),
  kubelet_root_dir: string(
    "",
    "The kubelet's directory.",
    noEffect("Kata's Rust runtime ignores it too, though some of its files have it"),
  ),
};

/** What `[runtime]` says. */
export type RuntimeConfig = KeyValues<typeof runtimeKeys>;
