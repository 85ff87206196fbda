import { pluginConfig } from "../../../core/config/plugin-schema.js";

/** What this handler reads of `[runtime]` and of the tables of the chosen hypervisor and agent; `open`, since its table is the whole of `[runtime]`. */
export const config = pluginConfig({
  open: true,
  uses: [
    "runtime.dan_conf",
    "runtime.disable_guest_seccomp",
    "runtime.enable_vcpus_pinning",
    "runtime.sandbox_cgroup_only",
    "runtime.static_sandbox_resource_mgmt",
    "hypervisor.default_vcpus",
    "hypervisor.overhead_vcpus",
    "hypervisor.default_maxvcpus",
    "hypervisor.default_memory",
    "hypervisor.overhead_memory",
    "hypervisor.default_maxmemory",
    "hypervisor.disable_guest_selinux",
    "hypervisor.enable_debug",
    "hypervisor.guest_hook_path",
    "hypervisor.shared_fs",
    "hypervisor.disable_vhost_net",
    "hypervisor.network_queues",
    "hypervisor.rx_rate_limiter_max_rate",
    "hypervisor.tx_rate_limiter_max_rate",
    "agent.container_pipe_size",
    "agent.debug_console_enabled",
    "agent.enable_debug",
    "agent.enable_tracing",
    "agent.kernel_modules",
    "agent.reconnect_timeout_ms",
  ],
  check: ({ hypervisor: { enable_guest_swap } }) => {
    const problem =
      "is true; guests have no swap in this runtime: leave it out, and give the machine more default_memory";
    return enable_guest_swap ? [{ table: "hypervisor", key: "enable_guest_swap", problem }] : [];
  },
});
