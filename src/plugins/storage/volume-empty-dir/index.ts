import { definePlugin } from "../../../core/plugin/plugin.js";
import { emptyDirConfig } from "./config.js";

/** `runtime.emptydir_mode = "block-plain"`: volumes that begin empty (`emptyDir`) are disks of the machine, in files of the host. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "empty-dir",
  config: emptyDirConfig,
  check: async (ctx) => (await import("./check-host.js")).checkHost(ctx),
  create: async (ctx) => (await import("./driver.js")).emptyDirVolumes(ctx),
});
