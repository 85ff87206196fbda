import { definePlugin } from "../../../core/plugin/plugin.js";
import { inlineVirtioFsConfig } from "./config.js";

/** `hypervisor.<name>.shared_fs = "inline-virtio-fs"`: files shared by the hypervisor itself, without a daemon. */
export const plugin = definePlugin({
  api: 1,
  kind: "share-fs",
  name: "inline-virtio-fs",
  config: inlineVirtioFsConfig,
  check: async () => (await import("./check-host.js")).checkHost(),
  create: async (ctx) => (await import("./create.js")).createShare(ctx),
});
