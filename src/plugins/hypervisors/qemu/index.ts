import { definePlugin } from "../../../core/plugin/plugin.js";
import { checkHost } from "./check-host.js";
import { config } from "./config.js";
import { QemuHypervisor } from "./qemu.js";

/** `runtime.hypervisor_name = "qemu"`: the machine is a process of QEMU. */
export const plugin = definePlugin({
  api: 1,
  kind: "hypervisor",
  name: "qemu",
  config,
  check: checkHost,
  create(ctx, settings) {
    const { sys, log, roots, sandbox } = ctx;
    if (sandbox === undefined) throw new Error("a hypervisor is created for a sandbox");
    const hypervisor = new QemuHypervisor({ sys, log, roots, config: ctx.config, settings, sandbox });
    ctx.scope.defer("QEMU", (reason) => (reason === undefined ? hypervisor.stop() : hypervisor.destroy(reason)));
    return hypervisor;
  },
});
