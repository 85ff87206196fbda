import { definePlugin } from "../../../core/plugin/plugin.js";
import { config } from "./config.js";
import { VirtContainerHandler } from "./handler.js";

/** `runtime.name = "virt_container"`: every sandbox is a virtual machine. */
export const plugin = definePlugin({
  api: 1,
  kind: "handler",
  name: "virt-container",
  config,
  create: (ctx) => new VirtContainerHandler(ctx),
});
