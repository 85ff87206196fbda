import { definePlugin } from "../../../core/plugin/plugin.js";
import { config } from "./config.js";

/** `runtime.hypervisor_name = "dragonball"`: the machine is in this process, and there is no other. */
export const plugin = definePlugin({
  api: 1,
  kind: "hypervisor",
  name: "dragonball",
  config,
  check: async (ctx) => (await import("./check-host.js")).checkHost(ctx),
  async create(ctx, settings) {
    const { sys, log, roots, sandbox } = ctx;
    if (sandbox === undefined) throw new Error("a hypervisor is created for a sandbox");
    const { DragonballHypervisor } = await import("./dragonball.js");
    const hypervisor = new DragonballHypervisor({ sys, log, roots, config: ctx.config, settings, sandbox });
    ctx.scope.defer("dragonball", (reason) => (reason === undefined ? hypervisor.stop() : hypervisor.destroy(reason)));
    return hypervisor;
  },
});
