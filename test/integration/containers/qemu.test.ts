import { describeContainers } from "./list.js";

describeContainers({
  name: "qemu",
  configuration: ["[runtime]", 'hypervisor_name = "qemu"', "enable_vcpus_pinning = true"],
});
