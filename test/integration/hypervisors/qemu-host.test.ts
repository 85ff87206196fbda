import { existsSync, readdirSync, readlinkSync, closeSync } from "node:fs";
import { expect } from "chai";
import { probeKvm } from "../../../src/core/kvm/probe.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { skip } from "../../support/skip.js";
import { TestPod } from "../../support/test-pod.js";
import { never } from "../../unit/plugins/hypervisors/qemu/machine.js";
import { consoleShows, describeMachines, small } from "./real-machine.js";

describeMachines("a machine of the real QEMU, with what its host has", (make) => {
  it("is reached by vsock", async function () {
    if (!existsSync("/dev/vhost-vsock")) skip(this, "this host has no /dev/vhost-vsock");
    const [one, two] = await Promise.all([
      make({}, { vsockDevice: "/dev/vhost-vsock" }),
      make({}, { vsockDevice: "/dev/vhost-vsock" }),
    ]);
    expect(one.machine.guestAddress.kind).to.equal("vsock");
    expect(two.machine.guestAddress).to.not.deep.equal(one.machine.guestAddress);
    await one.machine.start(small, never);
    await consoleShows(one, /Linux version \d/);
  });

  it("runs the guest on KVM", async function () {
    const verdict = await probeKvm();
    if (!verdict.usable) skip(this, verdict.reason);
    const made = await make({}, { probe: async () => verdict });
    await made.machine.start(small, never);
    expect(made.machine.slowdown).to.equal(1);
    await consoleShows(made, /vda.*mounted filesystem/);
  });

  it("has its packets moved by the host's kernel, unless it is told not to", async function () {
    if (!existsSync("/dev/vhost-net")) skip(this, "this host has no /dev/vhost-net");
    const { taps } = createLinuxSys();
    const pod = new TestPod();
    try {
      for (const vhost of [true, false]) {
        const { machine } = await make();
        const tapFds = taps.open({ name: "ktq0", namespace: pod.namespace, queuePairs: 1, exclusive: true });
        const hardwareAddress = "02:00:00:00:00:01";
        await machine.addDevice({ kind: "net", id: "eth0", hardwareAddress, tapFds, queueSize: 256, vhost });
        await machine.start(small, never);
        const files = readdirSync(`/proc/${machine.pid}/fd`).map((fd) => readlinkSync(`/proc/${machine.pid}/fd/${fd}`));
        expect(files.includes("/dev/vhost-net"), files.join(" ")).to.equal(vhost);
        for (const fd of tapFds) closeSync(fd);
        await machine.stop();
      }
    } finally {
      pod.close();
    }
  });
});
