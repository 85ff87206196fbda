import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Metrics as MetricsV1 } from "../../../src/core/proto/gen/cgroups/v1.js";
import { Metrics as MetricsV2 } from "../../../src/core/proto/gen/cgroups/v2.js";
import { checkLeaks } from "../../support/leaks.js";
import { dragonball, type MachineKind, qemu } from "../../support/machine-kinds.js";
import { execRequest, MachineShim, type TaskClient } from "../../support/machine-shim.js";
import { makeBusyboxRootfs } from "../../support/rootfs.js";

interface Machines extends MachineKind {
  /** What its guest calls the disks of containers. */
  readonly disks: RegExp;
}

/** Bytes that a disk may move each second, and at once. */
const rate = 4 * 2 ** 20;
const limited = [
  `disk_rate_limiter_bw_max_rate = ${rate * 8}`,
  "block_device_logical_sector_size = 4096",
  "num_queues = 2",
];

const scsi = ['block_device_driver = "virtio-scsi"', "enable_iothreads = true", ...limited];

const machines: readonly Machines[] = [
  { ...qemu, disks: /^\/dev\/vd[b-z] / },
  { name: "qemu, by virtio-scsi", lines: scsi, disks: /^\/dev\/sd[a-z] / },
  { ...dragonball, lines: [...dragonball.lines, ...limited], disks: /^\/dev\/vd[b-z] / },
];

const mib = 2 ** 20;
const quiet = { encoding: "utf8", stdio: "pipe" } as const;

for (const { name, lines, disks, needs } of machines) {
  describe(`root file systems on disks, in a machine of ${name}`, () => {
    let directory: string;
    let shim: MachineShim;

    before(async function () {
      await needs?.(this);
      directory = mkdtempSync(join(tmpdir(), "kata-ts-disks-"));
      makeBusyboxRootfs(join(directory, "tree"));
      writeFileSync(join(directory, "mark"), "the mark\n");
    });
    after(() => {
      if (directory !== undefined) rmSync(directory, { recursive: true });
    });

    beforeEach(() => (shim = new MachineShim(lines)));
    afterEach(() => shim.end());
    checkLeaks(() => shim.leakScope);

    const makeDisk = (disk: string): string => {
      const path = join(directory, disk);
      writeFileSync(path, "");
      truncateSync(path, 32 * mib);
      execFileSync("mkfs.ext4", ["-q", "-F", "-b", "4096", "-d", join(directory, "tree"), path]);
      return path;
    };

    /** A file of a disk, as it is there. */
    const fileOf = (disk: string, path: string): string =>
      execFileSync("debugfs", ["-R", `cat ${path}`, disk], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

    /** Runs a container of a pod whose root is a disk, and waits for its end. */
    const run = async (id: string, disk: string, script: string, options: readonly string[] = []) => {
      const pod = { "container-type": id === "pod" ? "sandbox" : "container", "sandbox-id": "pod" };
      const annotations = Object.fromEntries(
        Object.entries(pod).map(([key, value]) => [`io.kubernetes.cri.${key}`, value]),
      );
      const rootfs = [{ type: "ext4", source: disk, target: "", options: [...options] }];
      const task = await shim.launch(id, ["sh", "-c", script], { annotations, request: { rootfs } });
      return { task, ended: () => task.wait({ id, execId: "" }) };
    };

    /** A disk whose file cannot grow: its container is told, and goes like any other. */
    const failsWhenFull = async (id: string): Promise<void> => {
      const place = join(directory, "small");
      mkdirSync(place);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", id, place]);
      try {
        const disk = makeDisk(join("small", id));
        const script = "dd if=/dev/zero of=/big bs=1M count=12 conv=fsync 2>&1; echo $?";
        const { ended } = await run(id, disk, script);
        expect((await ended()).exitStatus).to.equal(0);
        expect(shim.output(id)).to.match(/(Input\/output error|Read-only file system)[^]*\n1\n$/);
        await shim.remove(id);
      } finally {
        execFileSync("umount", [place]);
        rmdirSync(place);
      }
    };

    /** Writes more than the disk may move at once: what came through is what its limit allows for the time it took. */
    const movesNoMore = async (disk: string): Promise<void> => {
      const bytes = 3 * rate;
      const clock = "cut -d ' ' -f 1 /proc/uptime";
      const shown = "cd $(ls -d /sys/class/block/[sv]d[b-z] | tail -n 1); cat queue/logical_block_size; ls mq | wc -l";
      const write = `dd if=/dev/zero of=/big bs=${bytes} count=1 conv=fsync`;
      const { ended } = await run("slow", disk, `${clock}; ${write} 2>/dev/null && ${clock}; ${shown}`);
      expect((await ended()).exitStatus).to.equal(0);
      const [from = Number.NaN, to = Number.NaN, size, queues] = shim.output("slow").trim().split("\n").map(Number);
      // The kernel uses no more than there may be processors.
      expect([size, queues]).to.deep.equal([4096, Math.min(2, cpus().length)]);
      // The guest's clock counts hundredths.
      expect(bytes).to.be.at.most(rate + rate * (to - from + 0.02));
      await shim.remove("slow");
    };

    /** What the disks of a container have moved, as containerd is told. */
    const moved = async (task: TaskClient, id: string): Promise<{ read: number; written: number }> => {
      const { typeUrl, value = new Uint8Array() } = (await task.stats({ id })).stats ?? {};
      const sum = (all: readonly bigint[]) => Number(all.reduce((total, one) => total + one, 0n));
      if (typeUrl?.includes(".v2.") === true) {
        const disks = MetricsV2.decode(value).io?.usage ?? [];
        return { read: sum(disks.map(({ rbytes }) => rbytes)), written: sum(disks.map(({ wbytes }) => wbytes)) };
      }
      const all = MetricsV1.decode(value).blkio?.ioServiceBytesRecursive ?? [];
      const of = (kind: string) => sum(all.filter(({ op }) => op === kind).map((one) => one.value));
      return { read: of("Read"), written: of("Write") };
    };

    /** Writes and reads of a container are told, those of others of its pod are not among them. */
    const tellsWhatItMoves = async (task: TaskClient, id: string): Promise<void> => {
      let done = 0;
      const does = async (script: string): Promise<void> => {
        const one = { id, execId: `move${done++}` };
        await task.exec(execRequest(one.id, one.execId, ["sh", "-c", script]));
        await task.start(one);
        expect((await task.wait(one)).exitStatus).to.equal(0);
        await task.delete(one);
      };
      const before = await moved(task, id);
      await does("dd if=/dev/zero of=/moved bs=1M count=6 conv=fsync");
      const after = await moved(task, id);
      // The file system writes a little of its own.
      expect(after.written - before.written).to.be.within(6 * mib, 8 * mib);
      await does("dd if=/moved of=/dev/null bs=1M count=3 iflag=direct");
      expect((await moved(task, id)).read - after.read).to.be.within(3 * mib, 4 * mib);
    };

    it("are written to by the guest, also of containers that come later, and are given back", async () => {
      const [one, two] = [makeDisk("one"), makeDisk("two")];
      const script = "echo from $(hostname) >/written; grep ' / ' /proc/mounts; sync; exec sleep 100000";
      const { task } = await run("pod", one, script, ["loop"]);
      const { ended } = await run("later", two, "grep ' / ' /proc/mounts; echo later >/written");
      expect((await ended()).exitStatus).to.equal(0);
      expect(shim.output("later")).to.match(disks).and.include(" / ext4 rw,");
      await shim.remove("later");
      // It is no longer the machine's: its own kernel has unmounted it.
      expect(fileOf(two, "/written")).to.equal("later\n");
      expect(execFileSync("fsck.ext4", ["-f", "-n", two], quiet)).to.include("files");
      const again = await run("again", two, "cat /written");
      expect((await again.ended()).exitStatus).to.equal(0);
      await tellsWhatItMoves(task, "pod");
      expect(shim.output("again")).to.equal("later\n");
      await shim.remove("again");
      if (limited.every((line) => lines.includes(line))) await movesNoMore(makeDisk("slow"));
      await failsWhenFull("full");
      // Several that come at the same time do not take each other's places, and go at the same time.
      const many = ["a", "b", "c"];
      const made = many.map((id) => makeDisk(id));
      const script2 = "cat /written; touch /x; echo $?; grep ' / ' /proc/mounts";
      execFileSync("debugfs", ["-w", "-R", `write ${join(directory, "mark")} written`, made[0] ?? ""], quiet);
      const running = await Promise.all(
        many.map((id, index) => run(id, made[index] ?? "", script2, index === 0 ? ["ro"] : [])),
      );
      await Promise.all(running.map((one) => one.ended()));
      expect(shim.output("a")).to.match(/^the mark\n1\n\S+ \/ ext4 ro,/);
      expect(shim.output("b")).to.match(/^0\n\S+ \/ ext4 rw,/);
      expect(shim.output("c")).to.match(/^0\n\S+ \/ ext4 rw,/);
      expect(
        new Set(many.map((id) => / (\S+) \/ ext4/.exec(` ${shim.output(id).replaceAll("\n", " ")}`)?.[1])).size,
      ).to.equal(3);
      await Promise.all(many.map((id) => shim.remove(id)));
      for (const disk of made) expect(execFileSync("fsck.ext4", ["-f", "-n", disk], quiet)).to.include("files");
      const served = shim.shim("pod");
      await shim.remove("pod");
      await shim.gone(served);
      expect(fileOf(one, "/written")).to.match(/^from /);
    });

    // How the machine has its disks makes no difference to these.
    if (lines === scsi) return;

    it("are not written to when the snapshotter says so", async () => {
      const disk = makeDisk("read-only");
      const { ended } = await run("pod", disk, "touch /written; echo $?; grep ' / ' /proc/mounts", ["ro"]);
      expect((await ended()).exitStatus).to.equal(0);
      const [status, mount] = shim.output("pod").split("\n");
      expect(status).to.equal("1");
      expect(mount).to.match(disks).and.include(" / ext4 ro,");
    });

    it("that are none are an error that says so, and leave nothing", async () => {
      const missing = join(directory, "missing");
      const error = await run("pod", missing, "true").catch((error_: unknown) => error_);
      expect(String(error)).to.include(`the root file system of "pod" is ext4 on ${missing}`);
      await shim.clear();
      const broken = join(directory, "broken");
      writeFileSync(broken, Buffer.alloc(mib, "no file system"));
      const refused = await run("pod", broken, "true").catch((error_: unknown) => error_);
      expect(String(refused)).to.include("EINVAL");
      expect(existsSync(broken)).to.equal(true);
    });
  });
}
