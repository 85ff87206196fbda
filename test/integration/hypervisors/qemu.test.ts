import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { withDeadline } from "../../../src/core/deadline.js";
import { codeOf, messageOf } from "../../../src/core/errors/error.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { processGroups } from "../../support/process-stat.js";
import { skip } from "../../support/skip.js";
import { TestPod } from "../../support/test-pod.js";
import { noTestpmd, Testpmd } from "../../support/testpmd.js";
import { failureOf, never, type TestMachine } from "../../unit/plugins/hypervisors/qemu/machine.js";
import { consoleShows, describeMachines, mark, small } from "./real-machine.js";

/** What a monitor for people answers to a command. */
async function askPeople(path: string, command: string): Promise<string> {
  const people = connect(path);
  let said = "";
  people.on("data", (bytes: Buffer) => (said += String(bytes)));
  const prompt = "(qemu) ";
  const answered = async (times: number): Promise<void> => {
    while (said.split(prompt).length <= times) await once(people, "data");
  };
  try {
    await withDeadline({ ms: 30_000, what: `QEMU to answer "${command}"` }, async () => {
      await answered(1);
      people.write(`${command}\n`);
      await answered(2);
    });
    return said;
  } finally {
    people.destroy();
  }
}

describeMachines("a machine of the real QEMU", (make) => {
  const disk = (path: string, driver: string) =>
    ({ kind: "block", id: "disk", path, readOnly: false, driver }) as const;
  const newDisk = ({ root }: TestMachine, name = "disk.img"): string => {
    const path = join(root, name);
    writeFileSync(path, Buffer.alloc(2 * 2 ** 20));
    return path;
  };

  for (const machine_type of ["q35", "microvm"]) {
    it(`boots the guest from its disk: ${machine_type}`, async () => {
      const made = await make({ machine_type });
      await made.machine.start(small, never);
      await consoleShows(made, /Linux version \d/);
      await consoleShows(made, /vda.*mounted filesystem/);
      await made.machine.stop();
      expect(await made.machine.exited).to.deep.equal({ code: 0, expected: true });
      expect(readdirSync(made.runDirectory)).to.deep.equal(["record.json"]);
    });
  }

  it("takes every device and option there is", async () => {
    const made = await make({
      block_device_driver: "virtio-scsi",
      reclaim_guest_freed_memory: true,
      enable_iothreads: true,
      enable_mem_prealloc: true,
      extra_monitor_socket: "hmp",
      cpu_features: "pmu=off",
      disable_nested_virtualization: true,
      default_bridges: 2,
      num_queues: 2,
    });
    const { machine, runDirectory } = made;
    await machine.addDevice(disk(newDisk(made), "virtio-scsi"));
    await machine.addDevice({ ...disk(newDisk(made, "other.img"), "virtio-blk-pci"), id: "other", readOnly: true });
    await machine.start({ ...small, vcpus: 2 }, never);
    const threads = (await machine.capability("vcpu-threads")?.threads()) ?? [];
    expect(threads).to.have.length(2);
    for (const thread of threads) expect(existsSync(`/proc/${machine.pid}/task/${thread}`)).to.equal(true);
    const people = connect(join(runDirectory, "extra.sock"));
    await new Promise((resolve, reject) => people.once("data", resolve).once("error", reject));
    people.destroy();
    await machine.capability("pause")?.pause();
    await machine.capability("pause")?.resume();
    expect(machine.capability("block-hotplug")).to.deep.equal({ drivers: ["virtio-blk-pci", "virtio-scsi"] });
  });

  it("takes disks while it runs, many at once, and gives them back", async () => {
    const made = await make({
      extra_monitor_socket: "hmp",
      indep_iothreads: 2,
      num_queues: 2,
      disk_rate_limiter_bw_max_rate: 8e9,
      disk_rate_limiter_ops_max_rate: 1e6,
    });
    const { machine, runDirectory } = made;
    await machine.start(small, never);
    await consoleShows(made, /vda.*mounted filesystem/);
    expect(await machine.addDevice(disk(newDisk(made), "virtio-blk-pci"))).to.deep.equal({
      id: "disk",
      guestLocator: "1e/01",
    });
    await consoleShows(made, /\[vdb\] 4096 512-byte logical blocks/);
    await machine.removeDevice("disk");
    await machine.addDevice(disk(join(made.root, "disk.img"), "virtio-blk-pci"));
    const ids = ["a", "b", "c", "d", "e", "f", "g"];
    const add = (id: string) => machine.addDevice({ ...disk(newDisk(made, id), "virtio-blk-pci"), id });
    const added = await Promise.all(ids.map(add));
    expect(new Set(added.map(({ guestLocator }) => guestLocator)).size).to.equal(ids.length);
    for (const letter of "bcdefghi") await consoleShows(made, new RegExp(`\\[vd${letter}\\] 4096 512-byte`));
    const said = await askPeople(join(runDirectory, "extra.sock"), "qom-get /objects/device2-limits limits");
    expect(said)
      .to.match(/"bps-total": 1000000000,/)
      .and.match(/"iops-total": 1000000,/);
    await Promise.all(ids.map((id) => machine.removeDevice(id)));
    // Nothing of theirs is left: the one that is there has a group, a file and a filter.
    const objects = await askPeople(join(runDirectory, "extra.sock"), "qom-list /objects");
    expect(objects.match(/device\d+-limits/g)).to.deep.equal(["device1-limits"]);
    const blocks = await askPeople(join(runDirectory, "extra.sock"), "info block -n");
    expect([...new Set(blocks.match(/device\d+/g))]).to.deep.equal(["device1"]);
  });

  it("takes a network card with several queues while it runs, and gives it back", async function () {
    if (process.getuid?.() !== 0) skip(this, "a network namespace needs root");
    const { namespaces, taps, netlink } = createLinuxSys();
    const made = await make();
    const { machine } = made;
    const namespace = join(made.root, "netns");
    namespaces.createNetworkNamespace(namespace);
    const route = netlink.route(namespace);
    try {
      const tapFds = taps.open({ name: "ktq0", namespace, queuePairs: 2, exclusive: true });
      const hardwareAddress = "02:00:00:00:00:01";
      const card = { kind: "net", id: "eth0", hardwareAddress, tapFds, queueSize: 256, vhost: false } as const;
      await machine.start(small, never);
      await consoleShows(made, /vda.*mounted filesystem/);
      expect(machine.capability("net-hotplug")).to.deep.equal({ queuePairs: 64 });
      expect(await machine.addDevice(card)).to.deep.equal({ id: "eth0", guestLocator: "1e/01" });
      await consoleShows(made, /pci 0000:01:01\.0: .*class 0x020000/);
      await machine.removeDevice("eth0");
      for (const fd of tapFds) closeSync(fd);
      expect(route.link("ktq0")).to.equal(undefined);
      const others = taps.open({ name: "ktq1", namespace, queuePairs: 1, exclusive: true });
      const again = { ...card, id: "again", tapFds: others };
      expect((await machine.addDevice(again)).guestLocator).to.equal("1e/02");
      for (const fd of others) closeSync(fd);
      const refused = await failureOf(machine.addDevice({ ...card, id: "bad", tapFds: [0] }));
      expect(codeOf(refused)).to.equal("KATA_HYPERVISOR_DEVICE");
      expect(route.link("ktq1")).to.not.equal(undefined);
      await machine.stop();
      expect(route.link("ktq1")).to.equal(undefined);
    } finally {
      route.close();
      namespaces.removeNetworkNamespace(namespace);
    }
  });

  it("takes cards that another program serves, at its start and while it runs, and gives them back", async function () {
    if (process.getuid?.() !== 0) skip(this, "a network namespace needs root");
    const reason = noTestpmd();
    if (reason !== undefined) skip(this, reason);
    const made = await make();
    const { machine, root: directory } = made;
    const pod = new TestPod(directory);
    pod.addPair("eth1", "peer1", 2);
    const switches: Testpmd[] = [];
    try {
      for (const link of ["eth0", "eth1"]) {
        switches.push(await Testpmd.start({ name: `${mark}${link}`, namespace: pod.namespace, directory, link }));
      }
      const [first, second] = switches as [Testpmd, Testpmd];
      const kind = { kind: "vhost-user-net", queuePairs: 1, queueSize: 256 } as const;
      const cold = { ...kind, id: "cold", hardwareAddress: "02:00:00:00:00:01", socket: first.socket };
      const hot = { ...kind, id: "hot", hardwareAddress: "02:00:00:00:00:02", socket: second.socket };
      expect(await machine.addDevice(cold)).to.deep.equal({ id: "cold", guestLocator: "1e/01" });
      await machine.start(small, never);
      const ready = /virtio is now ready for processing/;
      await first.says(ready);
      expect(await machine.addDevice(hot)).to.deep.equal({ id: "hot", guestLocator: "1e/02" });
      await second.says(ready);
      const refused = await failureOf(machine.addDevice({ ...hot, id: "bad", socket: "/nowhere/of.sock" }));
      expect(codeOf(refused)).to.equal("KATA_HYPERVISOR_DEVICE");
      expect(messageOf(refused)).to.include("/nowhere/of.sock");
      await machine.removeDevice("hot");
      await second.says(/vhost peer closed/);
      const nobody = await failureOf(machine.addDevice({ ...hot, id: "nobody", hardwareAddress: "nobody" }));
      expect(messageOf(nobody)).to.match(/QEMU refused "device_add"/);
      expect((await machine.addDevice({ ...hot, id: "again" })).guestLocator).to.equal("1e/05");
      await second.says(/vhost peer closed[^]*virtio is now ready for processing/);
      await machine.stop();
    } finally {
      for (const one of switches) await one.close();
      pod.close();
    }
  });

  it("takes no card that another program serves when it does not share its memory", async () => {
    const made = await make();
    await made.machine.start(small, never);
    const card = { id: "eth0", hardwareAddress: "02:00:00:00:00:01", queuePairs: 1, queueSize: 256 } as const;
    const refused = await failureOf(made.machine.addDevice({ kind: "vhost-user-net", ...card, socket: "/s" }));
    expect(codeOf(refused)).to.equal("KATA_HYPERVISOR_DEVICE");
    expect(messageOf(refused)).to.match(/was not shared when it started/);
  });

  it("says what QEMU says when it does not start", async () => {
    const made = await make({ cpu_features: "no-such-feature=on" });
    const error = await failureOf(made.machine.start(small, never));
    expect(codeOf(error)).to.equal("KATA_QEMU_EXITED");
    expect(messageOf(error)).to.include("no-such-feature");
    expect(readdirSync(made.runDirectory)).to.deep.equal(["record.json"]);
  });

  it("says which daemon is not there", async () => {
    const made = await make();
    const socket = join(made.root, "no-daemon.sock");
    await made.machine.addDevice({ kind: "fs", id: "f", tag: "share", socket, queueSize: 1024, cacheSizeMiB: 0 });
    const error = await failureOf(made.machine.start(small, never));
    expect(messageOf(error)).to.include("no-daemon.sock");
  });

  it("tells of a guest that panics, with what it said last", async () => {
    const made = await make({ kernel_params: "rdinit=/nothing init=/nothing root=/dev/nothing", enable_debug: false });
    await made.machine.start(small, never);
    const exit = await withDeadline({ ms: 90_000, what: "the machine to end" }, () => made.machine.exited);
    expect(exit).to.deep.include({ code: 0, expected: false });
    expect(exit.why).to.match(/^its guest (?:reset it|panicked)/);
    expect(made.machine.consoleTail().join("\n")).to.include("Kernel panic");
  });

  it("tells at once when QEMU is killed while the guest boots", async () => {
    const made = await make();
    await made.machine.start(small, never);
    process.kill(made.machine.pid, "SIGKILL");
    expect(await made.machine.exited).to.deep.equal({ code: -1, signal: "SIGKILL", expected: false });
    expect(readdirSync(made.runDirectory)).to.deep.equal(["record.json"]);
  });

  it("survives what is sent to our process group, and has only descriptors it was given", async () => {
    const made = await make();
    await made.machine.start(small, never);
    const { pid } = made.machine;
    expect(processGroups(pid)).to.deep.equal({ group: pid, session: pid });
    const files = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    expect(files.filter((file) => file.includes("no-such") || file.includes("record.json"))).to.deep.equal([]);
    expect(readlinkSync(`/proc/${pid}/cwd`)).to.equal("/");
  });

  it("runs in the network namespace it is told, with a tap of it", async function () {
    if (process.getuid?.() !== 0) skip(this, "a network namespace needs root");
    const name = `${mark}net`;
    const ip = (...args: string[]) => execFileSync("ip", args, { stdio: "pipe" });
    ip("netns", "add", name);
    try {
      const namespace = `/run/netns/${name}`;
      const taps = createLinuxSys().taps.open({ name: "ktq0", namespace, queuePairs: 1, exclusive: true });
      const made = await make();
      await made.machine.addDevice({
        kind: "net",
        id: "eth0",
        hardwareAddress: "02:00:00:00:00:01",
        tapFds: taps,
        queueSize: 256,
        vhost: false,
      });
      await made.machine.start({ ...small, networkNamespace: namespace }, never);
      const inside = readlinkSync(`/proc/${made.machine.pid}/ns/net`);
      expect(inside).to.not.equal(readlinkSync("/proc/self/ns/net"));
      for (const fd of taps) closeSync(fd);
      expect(ip("-n", name, "link", "show", "ktq0").toString()).to.have.string("ktq0");
      await made.machine.stop();
      expect(() => ip("-n", name, "link", "show", "ktq0")).to.throw();
    } finally {
      ip("netns", "del", name);
    }
  });

  it("fails whole when there is no room in the run directory", async function () {
    if (process.getuid?.() !== 0) skip(this, "mounting needs root");
    const made = await make();
    execFileSync("mount", ["-t", "tmpfs", "-o", "nr_inodes=3", "full", made.runDirectory]);
    try {
      const error = await failureOf(made.machine.start(small, never));
      expect(messageOf(error)).to.match(/ENOSPC/);
      expect(readdirSync(made.runDirectory)).to.deep.equal([]);
    } finally {
      execFileSync("umount", [made.runDirectory]);
    }
  });
});
