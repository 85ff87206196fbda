import { definePlugin } from "../../../core/plugin/plugin.js";
import { config } from "./config.js";

/** `runtime.hypervisor_name = "qemu"`: the machine is a process of QEMU. */
export const plugin = definePlugin({
  api: 1,
  kind: "hypervisor",
  name: "qemu",
  config,
  check: async (ctx) => (await import("./check-host.js")).checkHost(ctx),
  async create(ctx, settings) {
    const { sys, log, roots, sandbox } = ctx;
    if (sandbox === undefined) throw new Error("a hypervisor is created for a sandbox");
    const { QemuHypervisor } = await import("./qemu.js");
    const hypervisor = new QemuHypervisor({ sys, log, roots, config: ctx.config, settings, sandbox });
    ctx.scope.defer("QEMU", (reason) => (reason === undefined ? hypervisor.stop() : hypervisor.destroy(reason)));
    return hypervisor;
  },
});
