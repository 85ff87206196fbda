import { describeContainers } from "./list.js";

describeContainers({ name: "qemu", configuration: ["[runtime]", 'hypervisor_name = "qemu"'] });
