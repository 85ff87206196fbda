import { definePlugin } from "../../../core/plugin/plugin.js";
import { taskServiceSchema } from "./config.js";

/** containerd's task service, version 2, over ttrpc. */
export const plugin = definePlugin({
  api: 1,
  kind: "service",
  name: "task",
  config: taskServiceSchema,
  async create(ctx, config) {
    const { TaskService } = await import("./task-service.js");
    return new TaskService(ctx, config);
  },
});
