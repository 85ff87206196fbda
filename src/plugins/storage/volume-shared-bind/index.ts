import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** Directories and files of the host, shared with the guest and bound into the container. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "shared-bind",
  config: noConfig,
  create: async () => (await import("./driver.js")).sharedBindVolumes(),
});
