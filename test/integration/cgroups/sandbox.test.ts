import { hostHasV2 } from "../../support/host-cgroup.js";
import { skip } from "../../support/skip.js";
import { describeSandboxCgroups } from "./sandbox-cgroups.js";

describeSandboxCgroups("cgroups of a sandbox, by their path", {
  needs: (context) => {
    if (!hostHasV2())
      skip(context, "containers/qemu tests version 1, which this machine has: runs in the host machine");
  },
  written: (id) => `/katatest-${id}/pod`,
  sandbox: (id) => `/katatest-${id}/pod`,
  threads: (id) => `/katatest-${id}/pod${hostHasV2() ? "/vcpus" : ""}`,
  overhead: (id) => `/kata_overhead/${id}`,
});
