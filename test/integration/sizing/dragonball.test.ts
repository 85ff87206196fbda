import { expect } from "chai";
import { needsRealKvm } from "../../support/needs-kvm.js";
import { SizedPod } from "./sized-pod.js";

const MiB = 2 ** 20;

describe("the size of a machine in the shim's own process", () => {
  let pod: SizedPod;

  before(async function () {
    await needsRealKvm(this);
    pod = new SizedPod([
      "[runtime]",
      'hypervisor_name = "dragonball"',
      "[hypervisor.dragonball]",
      "default_vcpus = 1",
      "default_memory = 256",
      "enable_virtio_mem = true",
      "[agent.kata]",
      "reconnect_timeout_ms = 180000",
    ]);
    await pod.start();
  });
  after(() => pod?.end());

  it("follows the limits of its containers, both ways", async () => {
    const { cpus, memory } = await pod.seen();
    expect(cpus).to.equal(1);
    await pod.run("c1", { cpu: { quota: 50_000, period: 100_000 }, memory: { limit: 64 * MiB } });
    expect(await pod.seen()).to.deep.equal({ cpus: 2, memory: memory + 64 });
    await pod.update("c1", { memory: { limit: 200 * MiB } });
    expect(await pod.seen()).to.deep.equal({ cpus: 2, memory: memory + 200 });
    await pod.update("c1", { cpu: { quota: -1 } });
    expect(await pod.seen()).to.deep.equal({ cpus: 1, memory: memory + 200 });
    await pod.remove("c1");
    expect(await pod.seen()).to.deep.equal({ cpus: 1, memory });
  });
});
