import { definePlugin } from "../../../core/plugin/plugin.js";
import { taskServiceSchema } from "./config.js";
import { TaskService } from "./task-service.js";

/** containerd's task service, version 2, over ttrpc. */
export const plugin = definePlugin({
  api: 1,
  kind: "service",
  name: "task",
  config: taskServiceSchema,
  create: (ctx, config) => new TaskService(ctx, config),
});
