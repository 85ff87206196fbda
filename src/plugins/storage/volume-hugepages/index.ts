import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** Volumes of huge pages (`emptyDir` with `medium: HugePages`): the guest's, not the host's. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "hugepages",
  config: noConfig,
  create: async (ctx) => (await import("./driver.js")).hugepagesVolumes(ctx),
});
