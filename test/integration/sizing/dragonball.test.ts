import { mkdtempSync, readdirSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { needsRealKvm } from "../../support/needs-kvm.js";
import { md5OfZeros, SizedPod } from "./sized-pod.js";

const MiB = 2 ** 20;

describe("the size of a machine in the shim's own process", () => {
  let pod: SizedPod;
  let swaps: string;

  before(async function () {
    await needsRealKvm(this);
    swaps = mkdtempSync(join(tmpdir(), "kata-ts-swap-"));
    pod = new SizedPod([
      "[runtime]",
      'hypervisor_name = "dragonball"',
      "[hypervisor.dragonball]",
      "default_vcpus = 1",
      "default_memory = 256",
      "enable_virtio_mem = true",
      'block_device_driver = "virtio-blk-mmio"',
      "enable_guest_swap = true",
      `guest_swap_path = "${swaps}"`,
      "guest_swap_create_threshold_secs = 0",
      "[agent.kata]",
      "reconnect_timeout_ms = 180000",
    ]);
    await pod.start();
  });
  after(async () => {
    if (pod === undefined) return;
    await pod.end();
    expect(readdirSync(swaps)).to.deep.equal([]);
    rmdirSync(swaps);
  });

  it("follows the limits of its containers, both ways", async () => {
    const { cpus, memory } = await pod.seen();
    expect(cpus).to.equal(1);
    await pod.run("c1", { cpu: { quota: 50_000, period: 100_000 }, memory: { limit: 64 * MiB } });
    expect(await pod.seen()).to.deep.equal({ cpus: 2, memory: memory + 64 });
    expect(await pod.swap()).to.deep.equal({ all: 256 + 64, used: 0 });
    await pod.update("c1", { memory: { limit: 32 * MiB, swap: 96 * MiB } });
    await pod.ask("c1", "dd if=/dev/zero of=/dev/shm/full bs=1M count=60 2>/dev/null");
    expect((await pod.swap()).used)
      .to.be.greaterThan(20)
      .and.lessThan(64);
    await pod.update("c1", { memory: { limit: 200 * MiB } });
    expect(await pod.ask("c1", "md5sum </dev/shm/full; rm /dev/shm/full")).to.include(md5OfZeros(60));
    expect((await pod.swap()).all).to.equal(256 + 200);
    expect(await pod.seen()).to.deep.equal({ cpus: 2, memory: memory + 200 });
    await pod.update("c1", { cpu: { quota: -1 } });
    expect(await pod.seen()).to.deep.equal({ cpus: 1, memory: memory + 200 });
    await pod.remove("c1");
    expect(await pod.seen()).to.deep.equal({ cpus: 1, memory });
  });
});
