import { definePlugin } from "../../../core/plugin/plugin.js";
import { checkHost } from "./check-host.js";
import { config } from "./config.js";

/** `runtime.hypervisor_name = "dragonball"`: the machine is in this process, and there is no other. */
export const plugin = definePlugin({
  api: 1,
  kind: "hypervisor",
  name: "dragonball",
  config,
  check: checkHost,
  async create(ctx, settings) {
    const { sys, log, roots, sandbox } = ctx;
    if (sandbox === undefined) throw new Error("a hypervisor is created for a sandbox");
    // A whole machine: only who chooses it pays for loading it.
    const { DragonballHypervisor } = await import("./dragonball.js");
    const hypervisor = new DragonballHypervisor({ sys, log, roots, config: ctx.config, settings, sandbox });
    ctx.scope.defer("dragonball", (reason) => (reason === undefined ? hypervisor.stop() : hypervisor.destroy(reason)));
    return hypervisor;
  },
});
