import { needsRealKvm } from "../../support/needs-kvm.js";
import { describeContainers } from "./list.js";

describeContainers({
  name: "dragonball",
  configuration: [
    "[runtime]",
    'hypervisor_name = "dragonball"',
    "enable_vcpus_pinning = true",
    "[hypervisor.dragonball]",
    "default_memory = 512",
    "default_vcpus = 2",
    "[agent.kata]",
    "reconnect_timeout_ms = 180000",
  ],
  async needs(context) {
    await needsRealKvm(context);
  },
});
