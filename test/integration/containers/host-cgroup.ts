import { expect } from "chai";
import { vmmOverhead } from "../../../src/core/cgroup/sandbox-limits.js";
import { cgroupOf, cpusAllowed, hostHasV2, limitsOfCgroup, vcpuThreads } from "../../support/host-cgroup.js";
import type { ContainerChecks } from "./list.js";

const MiB = 1024 * 1024;

/** The cgroup that the host has for a pod's machine. That it is gone afterwards is looked at after every test. */
export const hostCgroup: ContainerChecks = ({ suite, pod, machine }) => {
  /** As `ctr` writes it into the spec. */
  const path = () => `/default/${pod.id}`;
  const vmm = () => (machine === "qemu" ? suite.containerd.machineOf(pod.id) : suite.containerd.shimOf(pod.id));

  it("has the machine in it, at the place that the pod's own container names", () => {
    const [pid, shim] = [vmm(), suite.containerd.shimOf(pod.id)];
    expect(cgroupOf(pid, pid, "memory")).to.equal(path());
    const threads = vcpuThreads(pid);
    expect(threads).to.not.deep.equal([]);
    const split = machine === "qemu" && hostHasV2() ? `${path()}/vcpus` : path();
    for (const tid of threads) expect(cgroupOf(pid, tid, "cpu")).to.equal(split);
    const ofShim = machine === "qemu" ? `/kata_overhead/${pod.id}` : path();
    expect(cgroupOf(shim, shim, "memory")).to.equal(ofShim);
    expect(cgroupOf(shim, shim, "cpu")).to.equal(ofShim);
  });

  it("has the limits of the containers and room for the machine's own, and their CPUs, to which vCPUs are pinned", async () => {
    const none = { quota: undefined, memory: undefined };
    expect(limitsOfCgroup(path())).to.deep.equal(none);
    const pid = vmm();
    const allowed = () => vcpuThreads(pid).map((tid) => cpusAllowed(pid, tid));
    const [anywhere] = allowed();
    const [one, two] = [suite.newId(), suite.newId()];
    const limited = ["--cpus", "0.5", "--memory-limit", String(64 * MiB)];
    const start = (id: string) => suite.containerd.run(id, ["-d", ...pod.flags, ...limited], ["sleep", "100000"]);
    for (const { stderr } of await Promise.all([one, two].map(start))) expect(stderr).to.equal("");

    const { quota, memory } = limitsOfCgroup(path());
    const [cpus, memoryMiB] = machine === "qemu" ? [1, 2048] : [2, 512];
    expect(quota).to.equal((cpus + 1) * 100_000);
    const guest = (memoryMiB + 128) * MiB;
    expect(memory).to.be.oneOf([false, true].map((emulated) => guest + vmmOverhead(guest, emulated)));
    await suite.containerd.update(two, { cpu: { quota: 150_000, period: 100_000 } });
    expect(limitsOfCgroup(path()).quota).to.equal((cpus + 2) * 100_000);

    await suite.containerd.update(two, { cpu: { cpus: "1" } });
    expect(new Set(allowed())).to.deep.equal(new Set(["1"]));
    await suite.containerd.update(one, { cpu: { cpus: "0" } });
    // One each where there are as many vCPUs, which depends on how the machine is sized.
    const pinned = vcpuThreads(pid).length === 2 ? ["0", "1"] : allowed().map(() => "0-1");
    expect(allowed()).to.deep.equal(pinned);
    const error = await suite.containerd.update(two, { cpu: { cpus: "4000" } }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(String(error)).to.include("linux.resources.cpu.cpus: the kernel does not take").and.include("4000");
    expect(allowed()).to.deep.equal(pinned);

    for (const id of [one, two]) await suite.containerd.remove(id);
    expect(limitsOfCgroup(path())).to.deep.equal(none);
    expect(new Set(allowed())).to.deep.equal(new Set([anywhere]));
  });
};
