import { definePlugin } from "../../../core/plugin/plugin.js";
import { virtioFsConfig } from "./config.js";

/** `hypervisor.<name>.shared_fs = "virtio-fs"`: files shared by a virtiofsd, one a sandbox. */
export const plugin = definePlugin({
  api: 1,
  kind: "share-fs",
  name: "virtio-fs",
  config: virtioFsConfig,
  check: async (ctx) => (await import("./check-host.js")).checkHost(ctx),
  create: async (ctx) => (await import("./create.js")).createShare(ctx),
});
