import { bigInteger, boolean, choice, integer, type KeyValues, noEffect, string, strings, table } from "./key.js";
import { kataLogLevels } from "./runtime.js";

const percent = { unit: "%", max: 100 } as const;
const seconds = { unit: "s" } as const;
const milliseconds = { unit: "ms", max: 0xffffffff } as const;
const port = { min: 1, max: 0xffffffff } as const;
const noPassfd = noEffect("process streams go over the agent's RPC; passing file descriptors is not supported");
const noConfidential = noEffect("confidential guests are not supported");

/** Keys of `[agent.<name>.mem_agent]`: all become `agent.mem_agent_*` parameters of the guest kernel. */
export const memAgentKeys = {
  mem_agent_enable: boolean(false, "Runs the memory agent in the guest.", { aliases: ["enable"] }),
  memcg_disable: boolean(false, "Turns off its reclaiming by memory cgroup."),
  memcg_swap: boolean(false, "Lets it move anonymous pages to swap."),
  memcg_swappiness_max: integer(50, "Highest swappiness it uses.", { max: 200 }),
  memcg_period_secs: integer(600, "Time between two runs of memory cgroup ageing.", seconds),
  memcg_period_psi_percent_limit: integer(1, "Memory pressure above which ageing waits.", percent),
  memcg_eviction_psi_percent_limit: integer(1, "Memory pressure above which eviction stops.", percent),
  memcg_eviction_run_aging_count_min: integer(3, "Runs of ageing before a cgroup is evicted from."),
  compact_disable: boolean(false, "Turns off its memory compaction."),
  compact_period_secs: integer(600, "Time between two looks whether to compact.", seconds),
  compact_period_psi_percent_limit: integer(1, "Memory pressure above which compaction waits.", percent),
  compact_psi_percent_limit: integer(5, "Memory pressure above which compaction stops.", percent),
  compact_sec_max: integer(180, "Longest time of one compaction.", seconds),
  compact_order: integer(9, "Order of the pages that compaction makes.", { max: 255 }),
  compact_threshold: integer(1024, "Free pages of that order that make compaction needless."),
  compact_force_times: bigInteger(0x7fff_ffff_ffff_ffffn, "Skipped looks after which compaction happens in any case."),
};

/** Keys of `[agent.<name>]`. */
export const agentKeys = {
  enable_debug: boolean(false, "Writes debug lines to the agent's log."),
  log_level: choice(kataLogLevels, "info", "Least severe level that the agent logs."),
  enable_tracing: boolean(false, "Exports trace spans of the agent.", noEffect("traces are not exported")),
  debug_console_enabled: boolean(
    false,
    "Has the agent open a shell of the guest on vsock port 1026; our own agent has none, and says so in its log.",
  ),
  container_pipe_size: integer(0, "Size of the pipes of a process in the guest; 0 leaves the kernel's.", {
    unit: "bytes",
    max: 0xffffffff,
  }),
  kernel_modules: strings([], "Kernel modules to load in the guest, each `name parameter=value …`."),
  dial_timeout_ms: integer(
    10,
    "Pause between two attempts to connect to the agent; later a fortieth of the time they have taken, if that is longer.",
    { ...milliseconds, min: 1 },
  ),
  reconnect_timeout_ms: integer(
    3000,
    "Time within which the agent must be reached, at least 10 s; longer while the guest is emulated.",
    milliseconds,
  ),
  create_container_timeout: integer(30, "Time the agent may take to create a container.", {
    unit: "s",
    min: 1,
    max: 2_147_483,
  }),
  health_check_request_timeout_ms: integer(90_000, "Time the agent may take to answer a health check.", milliseconds),
  server_port: integer(1024, "Port of the agent's service.", port),
  log_port: integer(1025, "Port of the agent's log stream.", port),
  passfd_listener_port: integer(1027, "Port for passed file descriptors.", { ...port, ...noPassfd }),
  cdh_api_timeout_ms: integer(50_000, "Time a call of the confidential data hub may take.", {
    ...milliseconds,
    ...noConfidential,
  }),
  launch_process_timeout: integer(0, "Time the guest components may take to start; 0 leaves the agent's own.", {
    ...seconds,
    ...noConfidential,
  }),
  visible_cdi_devices: boolean(
    false,
    "Turns a container's VISIBLE_CDI_DEVICES into device requests.",
    noEffect("devices are not passed to containers yet"),
  ),
  policy: string("", "Policy the agent checks its requests against.", noConfidential),
  mem_agent: table(memAgentKeys, "The memory agent in the guest."),
};

/** What `[agent.<name>]` says. */
export type AgentConfig = KeyValues<typeof agentKeys>;
