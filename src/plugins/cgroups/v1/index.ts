import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** Hosts with cgroups of version 1, hybrid ones too: each controller has a hierarchy of its own. */
export const plugin = definePlugin({
  api: 1,
  kind: "cgroup",
  name: "v1",
  config: noConfig,
  check: async (ctx) => (await import("./check-host.js")).checkHost(ctx),
  create: async (ctx) => (await import("./driver.js")).cgroupsV1(ctx),
});
