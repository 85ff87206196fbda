import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** Mounts that the guest makes by itself, exactly as the spec has them: proc, sysfs, tmpfs, devpts, mqueue, cgroups. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "system",
  config: noConfig,
  create: async () => (await import("./driver.js")).systemVolumes(),
});
