import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";

/** `/dev/shm`: memory of the guest, shared by the containers of a pod. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "shm",
  config: noConfig,
  create: async (ctx) => (await import("./driver.js")).shmVolumes(ctx),
});
