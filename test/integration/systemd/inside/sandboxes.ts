import { expect } from "chai";
import { hostHasV2 } from "../../../support/host-cgroup.js";
import { loadedUnits, reload, shown } from "../../../support/systemctl.js";
import { describeSandboxCgroups } from "../../cgroups/sandbox-cgroups.js";

const unit = (id: string): string => `kata-${id}.scope`;

describe("sandboxes on a host that systemd runs", () => {
  let units: string[];

  before(() => {
    units = loadedUnits();
  });

  describeSandboxCgroups("cgroups of a sandbox that systemd makes", {
    written: (id) => `katatest-pod.slice:kata:${id}`,
    sandbox: (id) => `/katatest.slice/katatest-pod.slice/${unit(id)}`,
    threads: (id) => `/katatest.slice/katatest-pod.slice/${unit(id)}/vcpus`,
    overhead: (id) => `/kata.slice/kata-overhead.slice/kata-overhead-${id}.scope`,
    disturb: reload,
    checkUnit: (id, { quota, memory }) => {
      const name = hostHasV2() ? "MemoryMax" : "MemoryLimit";
      const seen = shown(unit(id), "CPUQuotaPerSecUSec", name, "ActiveState");
      const time = quota === undefined ? "infinity" : `${(quota / 100_000).toFixed(6)}s`;
      expect(seen).to.deep.equal({ CPUQuotaPerSecUSec: time, [name]: String(memory), ActiveState: "active" });
    },
  });

  after("no unit is left", () => {
    expect(loadedUnits().filter((name) => !units.includes(name))).to.deep.equal([]);
  });
});
