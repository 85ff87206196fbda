import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** Volumes that begin empty (`emptyDir`), where nothing is shared with the guest: a directory of the guest's own. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "local",
  config: noConfig,
  create: async () => (await import("./driver.js")).localVolumes(),
});
