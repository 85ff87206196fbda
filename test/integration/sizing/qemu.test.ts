import { mkdtempSync, readdirSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { probeKvm } from "../../../src/core/kvm/probe.js";
import { md5OfZeros, SizedPod } from "./sized-pod.js";

const MiB = 2 ** 20;
const cpus = (count: number) => ({ quota: count * 100_000, period: 100_000 });

/** Lines of the configuration that give a guest swap, before the containers that it is for. */
const swapOf = (directory: string) => [
  "enable_guest_swap = true",
  `guest_swap_path = "${directory}"`,
  "guest_swap_create_threshold_secs = 0",
];

/** Has a container keep so many MiB in memory, of which nothing but swap can take a part. */
const fillShm = (pod: SizedPod, id: string, size: number) =>
  pod.ask(id, `dd if=/dev/zero of=/dev/shm/full bs=1M count=${size} 2>/dev/null`);

/** However much there is to tell of a container's usage, a signal does not wait for it. */
async function answersKillsFirst(pod: SizedPod, id: string): Promise<void> {
  const answers: string[] = [];
  const asked = Array.from({ length: 100 }, async () => {
    await pod.task.stats({ id });
    answers.push("stats");
  });
  await pod.task.kill({ id, execId: "", signal: 9, all: false });
  answers.push("kill");
  await Promise.all(asked);
  expect(answers.indexOf("kill")).to.be.lessThan(50);
  expect((await pod.task.wait({ id, execId: "" })).exitStatus).to.equal(137);
}

describe("the size of a machine of QEMU", () => {
  let pod: SizedPod;
  let swaps: string;
  beforeEach(() => (swaps = mkdtempSync(join(tmpdir(), "kata-ts-swap-"))));
  afterEach(async () => {
    await pod.end();
    expect(readdirSync(swaps)).to.deep.equal([]);
    rmdirSync(swaps);
  });

  it("follows the limits of its containers: vCPUs both ways, memory in modules, which stay, and swap", async () => {
    pod = new SizedPod(["default_vcpus = 1", "default_memory = 256", "memory_slots = 2", ...swapOf(swaps)]);
    await pod.start();
    const first = await pod.seen();
    expect(first.cpus).to.equal(1);
    const has = async (vcpus: number, more: number) => {
      const { cpus: count, memory } = await pod.seen();
      expect([count, memory - first.memory], pod.log).to.deep.equal([vcpus, more]);
    };
    await Promise.all([
      pod.run("c1", { cpu: cpus(0.4), memory: { limit: 64 * MiB } }),
      pod.run("c2", { cpu: cpus(0.4), memory: { limit: 64 * MiB } }),
    ]);
    await has(2, 128);
    expect(await pod.refused("bad", { cpu: { quota: 5, period: 100_000, cpus: "3-1" } })).to.deep.equal({
      status: "INVALID_ARGUMENT",
      message:
        'linux.resources.cpu.cpus is "3-1", by which a machine cannot be sized; it takes a list of numbers below 8192, like 0-3,8 [KATA_SIZE_INVALID]',
    });
    if (process.getuid?.() === 0) await pod.changeShim();
    expect(await pod.swap()).to.deep.equal({ all: 256 + 128, used: 0 });
    // Swap alone is said, of which the guest keeps the difference to memory.
    await pod.update("c1", { memory: { swap: 128 * MiB } });
    await fillShm(pod, "c1", 60);
    await pod.update("c1", { memory: { limit: 32 * MiB, swap: 96 * MiB } });
    expect((await pod.swap()).used)
      .to.be.greaterThan(20)
      .and.lessThan(64);
    expect(await pod.ask("c1", "md5sum </dev/shm/full")).to.equal(`${md5OfZeros(60)}  -\n`);
    await pod.update("c1", { memory: { limit: 190 * MiB, swap: 190 * MiB } });
    await has(2, 256);
    expect((await pod.swap()).all).to.equal(256 + 256);
    await pod.update("c2", { memory: { limit: 900 * MiB } });
    expect(pod.log).to.include("the machine has less than the limits of its containers come to");
    await pod.update("c1", { cpu: cpus(-1) });
    await pod.remove("c2");
    const { usable } = await probeKvm();
    await has(usable ? 1 : 2, 256);
    await pod.run("c3", { cpu: cpus(0.4) });
    await has(2, 256);
    expect((await pod.swap()).all).to.equal(256 + 256);
  });

  it("follows them with virtio-mem: memory both ways", async () => {
    pod = new SizedPod(["default_vcpus = 1", "default_memory = 256", "enable_virtio_mem = true"]);
    await pod.start();
    const { memory } = await pod.seen();
    await pod.run("c1", { memory: { limit: 64 * MiB } });
    expect((await pod.seen()).memory).to.equal(memory + 64);
    await pod.update("c1", { memory: { limit: 200 * MiB } });
    expect((await pod.seen()).memory).to.equal(memory + 200);
    await answersKillsFirst(pod, "c1");
    await pod.remove("c1");
    expect((await pod.seen()).memory).to.equal(memory);
  });
});
