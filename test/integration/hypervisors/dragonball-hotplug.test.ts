import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { withDeadline } from "../../../src/core/deadline.js";
import { codeOf } from "../../../src/core/errors/error.js";
import { Child, forcedKill } from "../../../src/core/process/child.js";
import { defaultRoots } from "../../../src/core/runtime/roots.js";
import { needsRealKvm } from "../../support/needs-kvm.js";
import { linkOf } from "../../support/descriptors.js";
import { makeBusyboxRootfs } from "../../support/rootfs.js";
import { skip } from "../../support/skip.js";
import { TestPod } from "../../support/test-pod.js";
import { needsRoot } from "../sys/fixture.js";
import { DragonballGuest } from "./dragonball-guest.js";

const virtiofsd = "/usr/lib/qemu/virtiofsd";
const never = new AbortController().signal;

/** What this process has open, by kind and name. */
const openFiles = (): string[] =>
  readdirSync("/proc/self/fd")
    .map((fd) => linkOf(`/proc/self/fd/${fd}`).replace(/:\[\d+\]/, ""))
    .sort();

const vcpuThreads = (): string[] =>
  readdirSync("/proc/self/task")
    .map((task) => readFileSync(`/proc/self/task/${task}/comm`, "latin1").trim())
    .filter((name) => name.startsWith("kata-vcpu"))
    .sort();

describe("plugging into a machine in this process that runs a real guest", () => {
  let pod: TestPod | undefined;
  let guest: DragonballGuest;
  let atFirst: string[];

  before("boot a guest, and a container on a disk that is plugged in", async function () {
    needsRoot(this);
    await needsRealKvm(this);
    const { guestCache } = defaultRoots;
    if (!existsSync(join(guestCache, "current")))
      skip(this, `no guest is built in ${guestCache} (kata-ts guest build)`);
    pod = new TestPod();
    atFirst = openFiles();
    guest = await DragonballGuest.boot(pod);
    const tree = join(guest.root, "tree");
    makeBusyboxRootfs(tree);
    const image = join(guest.root, "root.ext4");
    writeFileSync(image, "");
    truncateSync(image, 32 << 20);
    execFileSync("mkfs.ext4", ["-q", "-d", tree, image]);
    const { guestLocator = "" } = await plugDisk("root", image);
    await guest.run("box", { driver: "mmioblk", source: guestLocator, fstype: "ext4", options: ["ro"] });
  });

  after("end it; nothing is left", async () => {
    if (pod === undefined) return;
    await guest?.close();
    await settle(
      () => openFiles().join() === atFirst.join(),
      () => `${openFiles().join("\n")}\nnot\n${atFirst.join("\n")}`,
    );
    expect(vcpuThreads()).to.deep.equal([]);
    pod.close();
  });

  const settle = (done: () => boolean, context: () => string): Promise<void> =>
    withDeadline({ ms: 60_000, what: "all to be given back", context }, async (signal) => {
      while (!done()) {
        signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });

  const plugDisk = (id: string, path: string) =>
    guest.machine.addDevice({ kind: "block", id, path, readOnly: true, driver: "virtio-blk-mmio" });

  const disks = async (): Promise<string[]> =>
    (await guest.exec("box", "for d in /sys/block/vd*; do echo $(basename $d)=$(cat $d/serial); done"))
      .trim()
      .split("\n");

  it("runs a container on a disk that was plugged in, and does not let go of it", async () => {
    expect(await disks()).to.deep.equal(["vda=image", "vdb=root"]);
    expect(await guest.machine.removeDevice("root").catch(codeOf)).to.equal("KATA_UPCALL_REFUSED");
    expect(await disks()).to.deep.equal(["vda=image", "vdb=root"]);
  });

  it("has disks come and go ten times, and gives all back", async () => {
    const path = join(guest.root, "scratch");
    writeFileSync(path, Buffer.alloc(1 << 20));
    await plugDisk("first", path);
    await guest.machine.removeDevice("first");
    const before_ = openFiles();
    for (let round = 0; round < 10; round++) {
      const [one, two] = [`one${round}`, `two${round}`];
      const names = [await plugDisk(one, path), await plugDisk(two, path)].map(({ guestLocator }) => guestLocator);
      expect(names).to.deep.equal(["/dev/vdc", "/dev/vdd"]);
      if (round === 0) expect(await disks()).to.include.members([`vdc=${one}`, `vdd=${two}`]);
      // The second one goes first every other time: the next disk gets the first name that is free.
      for (const id of round % 2 === 0 ? [one, two] : [two, one]) await guest.machine.removeDevice(id);
    }
    expect(await disks()).to.deep.equal(["vda=image", "vdb=root"]);
    await settle(
      () => openFiles().join() === before_.join(),
      () => openFiles().join("\n"),
    );
  });

  it("has cards come and go with the links of its pod", async () => {
    if (pod === undefined) throw new Error("there is no pod");
    for (let round = 0; round < 3; round++) {
      pod.addPair("eth1", "peer1", 2);
      expect(await guest.network.update(never)).to.equal(true);
      expect(await guest.exec("box", "ip -4 address show eth1")).to.contain("10.1.2.2/24");
      expect(await guest.exec("box", "ping -c 3 -w 60 10.1.2.1")).to.match(/[1-3] packets received/);
      pod.route.removeLink(pod.index("eth1"));
      expect(await guest.network.update(never)).to.equal(true);
      expect(await guest.exec("box", "ls /sys/class/net")).to.not.contain("eth1");
    }
    expect(await guest.exec("box", "ping -c 3 -w 60 10.1.1.1")).to.match(/[1-3] packets received/);
  });

  it("has processors come and go: one, three, one, three, two", async () => {
    const resize = guest.machine.capability("resize");
    expect(await guest.exec("box", "nproc")).to.equal("1\n");
    for (const count of [3, 1, 3, 2]) {
      expect(await resize?.vcpus(count)).to.equal(count);
      expect(await guest.exec("box", "nproc; grep -c ^processor /proc/cpuinfo")).to.equal(`${count}\n${count}\n`);
      expect(vcpuThreads()).to.deep.equal(Array.from({ length: count }, (_, id) => `kata-vcpu${id}`));
      // Each of them works.
      const each = Array.from({ length: count }, (_, id) => `taskset -c ${id} true`).join(" && ");
      expect(await guest.exec("box", `${each} && echo all`)).to.equal("all\n");
    }
    expect(await resize?.vcpus(4).catch(codeOf)).to.equal("KATA_VMM_VCPUS");
    expect(await resize?.vcpus(1)).to.equal(1);
  });

  it("has a share come and go", async function () {
    if (!existsSync(virtiofsd)) skip(this, `there is no ${virtiofsd} (qemu-system-common)`);
    const [tree, socket] = [join(guest.root, "shared"), join(guest.root, "fs.sock")];
    mkdirSync(tree);
    makeBusyboxRootfs(tree);
    writeFileSync(join(tree, "word"), "shared\n");
    const { sockets, descriptors } = pod?.sys ?? {};
    if (sockets === undefined || descriptors === undefined) throw new Error("there is no pod");
    const listening = sockets.listenUnix(socket);
    descriptors.setNonBlocking(listening, false);
    const args = ["-f", "--fd=3", "-o", `source=${tree}`, "-o", "sandbox=chroot"];
    const daemon = await Child.spawn({ name: "virtiofsd", command: virtiofsd, args, fds: [listening] });
    descriptors.close(listening);
    try {
      await guest.machine.addDevice({ kind: "fs", id: "share", tag: "more", socket, queueSize: 1024, cacheSizeMiB: 0 });
      await guest.run("sharing", { driver: "virtio-fs", source: "more", fstype: "virtiofs", options: [] });
      expect(await guest.exec("sharing", "cat /word")).to.equal("shared\n");
      await guest.agent.signalProcess({ containerId: "sharing", execId: "sharing" }, 9, true);
      await guest.agent.waitProcess({ containerId: "sharing", execId: "sharing" });
      await guest.agent.removeContainer("sharing");
      await guest.machine.removeDevice("share");
      // It is the host's: the guest had no more than a view of it.
      expect(readFileSync(join(tree, "word"), "latin1")).to.equal("shared\n");
    } finally {
      await daemon.end(forcedKill);
    }
  });

  it("loses the card that it was started with, when its link goes", async () => {
    if (pod === undefined) throw new Error("there is no pod");
    pod.route.removeLink(pod.index("eth0"));
    expect(await guest.network.update(never)).to.equal(true);
    expect(await guest.exec("box", "ls /sys/class/net")).to.equal("lo\n");
    expect(pod.links()).to.deep.equal([]);
  });

  it("takes a disk out again that the guest does not answer for, and goes on in another slot", async () => {
    const path = join(guest.root, "late");
    writeFileSync(path, Buffer.alloc(1 << 20));
    const pause = guest.machine.capability("pause");
    await pause?.pause();
    const error: unknown = await plugDisk("late", path).catch((cause: unknown) => cause);
    expect([codeOf(error), codeOf((error as Error).cause)]).to.deep.equal([
      "KATA_HYPERVISOR_DEVICE",
      "KATA_UPCALL_SILENT",
    ]);
    expect(await guest.machine.removeDevice("root").catch(codeOf)).to.equal("KATA_UPCALL_SILENT");
    await pause?.resume();
    expect((await plugDisk("late", path)).guestLocator).to.equal("/dev/vdc");
    expect(await disks()).to.deep.equal(["vda=image", "vdb=root", "vdc=late"]);
    await guest.machine.removeDevice("late");
    expect(await guest.machine.removeDevice("root").catch(codeOf)).to.equal("KATA_UPCALL_REFUSED");
  });
});
