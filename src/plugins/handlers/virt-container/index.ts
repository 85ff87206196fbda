import { definePlugin } from "../../../core/plugin/plugin.js";
import { config } from "./config.js";

/** `runtime.name = "virt_container"`: every sandbox is a virtual machine. */
export const plugin = definePlugin({
  api: 1,
  kind: "handler",
  name: "virt-container",
  config,
  async create(ctx) {
    const { VirtContainerHandler } = await import("./handler.js");
    return new VirtContainerHandler(ctx);
  },
});
