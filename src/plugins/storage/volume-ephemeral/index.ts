import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** Volumes in memory that a pod asks for by name (`emptyDir` with `medium: Memory`): memory of the guest, not of the host. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "ephemeral",
  config: noConfig,
  create: async (ctx) => (await import("./driver.js")).ephemeralVolumes(ctx),
});
