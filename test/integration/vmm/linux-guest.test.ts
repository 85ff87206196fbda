import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { withDeadline } from "../../../src/core/deadline.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import type { MicroVmSpec } from "../../../src/vmm/machine-spec.js";
import { MicroVm } from "../../../src/vmm/micro-vm.js";
import { needsRealKvm } from "../../support/needs-kvm.js";
import { linkOf } from "../../support/descriptors.js";
import { addAddress } from "../../support/add-address.js";
import { TestPod } from "../../support/test-pod.js";
import { consoleGuest, GuestShell } from "../../support/vmm/console-guest.js";

const kib = (text: string, name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]);
/** Memory of this process that is shared, in MiB: the guest's, as far as it is touched. */
const anonymousMiB = (): number => kib(readFileSync("/proc/self/status", "latin1"), "RssAnon") / 1024;

/** The distribution's own kernel, whose console is a shell: one boot for all that its drivers do with the devices. */
describe("a machine in this process with Linux in it", () => {
  const sys = createLinuxSys();
  const shell = new GuestShell();
  let machine: MicroVm;
  let pod: TestPod;

  before("boot", async function () {
    await needsRealKvm(this);
    pod = new TestPod();
    const taps = sys.taps.open({ name: "ktv0", namespace: pod.namespace, queuePairs: 1, exclusive: true });
    const route = sys.netlink.route(pod.namespace);
    const link = route.links().find(({ name }) => name === "ktv0");
    if (link === undefined) throw new Error("the tap has no link");
    route.changeLink(link.index, { up: true });
    addAddress(route, link.index, "10.77.0.1/24");
    route.close();
    const devices: MicroVmSpec["devices"] = [
      { kind: "balloon", id: "balloon", reporting: true },
      { kind: "card", id: "eth0", mac: "02:00:00:00:00:07", taps, vhost: true },
    ];
    machine = new MicroVm(sys, {
      vcpus: 1,
      memoryMiB: 512,
      pluggableMiB: 512,
      commandLine:
        "console=ttyS0 quiet reboot=t panic=-1 memhp_default_state=online memory_hotplug.online_policy=auto-movable",
      devices,
      onConsole: shell.show,
      ...(await consoleGuest(["virtio_net", "virtio_balloon", "virtio_mem"])),
    });
    await machine.start();
    await shell.open(machine);
  });
  after(async () => {
    await machine?.stop();
    pod?.close();
  });

  it("has its packets moved by the host's kernel, past this process", async () => {
    expect(
      await shell.run("ip link set eth0 up; ip address add 10.77.0.2/24 dev eth0; ping -c 5 -w 30 10.77.0.1"),
    ).to.match(/5 packets received/);
    // Larger ones than a frame, many at once, both ways.
    expect(await shell.run("ping -c 20 -i 0.05 -s 8000 -w 60 10.77.0.1")).to.match(/20 packets received/);
    expect(readdirSync("/proc/self/fd").map((fd) => linkOf(`/proc/self/fd/${fd}`))).to.include("/dev/vhost-net");
    // The console's turns are in both; each packet would take the devices' thread one more at least.
    const turns: number[] = [];
    for (const count of [1, 300]) {
      const before_ = turnsOf("kata-devices");
      const pings = `ping -q -c ${count} -i 0.01 -w 60 10.77.0.1 >/tmp/pings; grep -c '${count} packets rec' /tmp/pings`;
      expect(await shell.run(pings)).to.equal("1\n");
      turns.push(turnsOf("kata-devices") - before_);
    }
    const [few = 0, many = 0] = turns;
    expect(many - few).to.be.below(100);
  });

  it("gives memory back that the guest has freed", async () => {
    await shell.run("dd if=/dev/zero of=/tmp/much bs=1M count=160 2>/dev/null");
    const full = anonymousMiB();
    await shell.run("rm /tmp/much");
    await withDeadline(
      { ms: 120_000, what: `memory to shrink from ${full} MiB`, context: () => `${anonymousMiB()} MiB` },
      async (signal) => {
        while (anonymousMiB() > full - 128 && !signal.aborted) await sleep(200);
      },
    );
    // And it is the guest's again when it wants it.
    expect(
      await shell.run("dd if=/dev/zero of=/tmp/much bs=1M count=160 2>/dev/null && ls -s /tmp/much; rm /tmp/much"),
    ).to.match(/^163840 /);
  });

  it("gets memory and gives it back while it runs", async () => {
    const total = async () => kib(await shell.run("cat /proc/meminfo"), "MemTotal") / 1024;
    const before_ = await total();
    expect(await machine.resizeMemory(768)).to.deep.equal({ memoryMiB: 768, complete: true });
    await becomes(total, (now) => now - before_ > 240);
    expect(
      await shell.run(
        "mount -o remount,size=600m /tmp; dd if=/dev/zero of=/tmp/much bs=1M count=500 2>/dev/null; ls -s /tmp/much; rm /tmp/much",
      ),
    ).to.match(/^512000 /);
    expect(await machine.resizeMemory(512)).to.deep.equal({ memoryMiB: 512, complete: true });
    await becomes(total, (now) => now === before_);
    expect((await machine.resizeMemory(9999)).memoryMiB).to.equal(1024);
  });

  it("ends as soon as its kernel panics", async () => {
    shell.type("echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger");
    const end = await withDeadline(
      { ms: 60_000, what: "the machine to end", context: () => shell.shown.slice(-600) },
      () => machine.exited,
    );
    expect(end.kind).to.be.oneOf(["shut down", "reset"]);
    expect(shell.shown).to.include("Kernel panic");
  });
});

/** Waits for what the guest's kernel does a moment after it has answered its device. */
async function becomes(value: () => Promise<number>, wanted: (now: number) => boolean): Promise<void> {
  let now = await value();
  await withDeadline({ ms: 60_000, what: "the guest's memory", context: () => `it has ${now} MiB` }, async (signal) => {
    for (; !wanted(now) && !signal.aborted; now = await value()) await sleep(200);
  });
}

/** How often a thread of this process has waited for something. */
function turnsOf(name: string): number {
  const task = readdirSync("/proc/self/task").find((id) => read(`/proc/self/task/${id}/comm`) === `${name}\n`);
  return Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(read(`/proc/self/task/${task}/status`))?.[1]);
}

/** A file of a thread that may be gone. */
function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
