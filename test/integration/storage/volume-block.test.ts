import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { OciDeviceCgroup, OciLinuxDevice, OciMount, OciSpec } from "../../../src/core/oci/spec.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { checkLeaks } from "../../support/leaks.js";
import { type LoopDisk, makeLoopDisk, needsLoop } from "../../support/loop-disk.js";
import { dragonball, type MachineKind, qemu } from "../../support/machine-kinds.js";
import { MachineShim, privileged, refusal } from "../../support/machine-shim.js";

const mib = 2 ** 20;

interface Machines extends MachineKind {
  /** What its guest calls the first disk that is plugged in. */
  readonly disk: string;
}

const machines: readonly Machines[] = [
  { ...qemu, disk: "vdb" },
  { name: "qemu, by virtio-scsi", lines: ['block_device_driver = "virtio-scsi"'], disk: "sda" },
  { ...dragonball, disk: "vdb" },
];

for (const { name, lines, disk: diskName, needs } of machines)
  describe(`disks of containers, in a machine of ${name}`, () => {
    let directory: string;
    let disks: LoopDisk[];
    let withFiles: LoopDisk;
    let raw: LoopDisk;
    let shim: MachineShim;

    before(async function () {
      await needs?.(this);
      needsLoop(this);
      directory = mkdtempSync(join(tmpdir(), "kata-ts-volumes-"));
      mkdirSync(join(directory, "tree"));
      writeFileSync(join(directory, "tree/file"), "of the host\n");
      withFiles = makeLoopDisk(join(directory, "files"), { bytes: 16 * mib, tree: join(directory, "tree") });
      raw = makeLoopDisk(join(directory, "raw"), { bytes: mib });
      disks = [withFiles, raw];
      shim = new MachineShim(lines);
      await run("pod", "exec sleep 100000");
    });
    after(async () => {
      await shim?.end();
      for (const disk of disks ?? []) disk.detach();
      if (directory !== undefined) rmSync(directory, { recursive: true });
    });
    checkLeaks(() => shim.leakScope);

    /** Whether the guest's kernel has the disk as one that nobody writes to. */
    const isReadOnly = `/sys/block/${diskName}/ro`;

    /** What a container has besides its root. */
    interface Parts {
      readonly mounts?: readonly OciMount[];
      readonly devices?: readonly OciLinuxDevice[];
      readonly rules?: readonly OciDeviceCgroup[];
    }

    const launch = (id: string, script: string, { mounts = [], devices = [], rules = [] }: Parts) =>
      shim.launch(id, ["sh", "-c", script], {
        annotations: {
          "io.kubernetes.cri.container-type": id === "pod" ? "sandbox" : "container",
          "io.kubernetes.cri.sandbox-id": "pod",
        },
        change: (spec: OciSpec) => {
          const all = privileged({ ...spec, mounts: [...(spec.mounts ?? []), ...mounts] });
          const resources = { ...spec.linux?.resources, devices: [...rules] };
          return { ...all, linux: { ...all.linux, devices: [...devices], resources } };
        },
      });

    /** Runs a container of the pod to its end and gives its output. */
    const run = async (id: string, script: string, parts: Parts = {}): Promise<string> => {
      const task = await launch(id, script, parts);
      if (id === "pod") return "";
      await task.wait({ id, execId: "" });
      const output = shim.output(id);
      await shim.remove(id);
      return output;
    };

    const mountOf = (type: string, options: string[], disk = withFiles): OciMount => ({
      destination: "/data",
      type,
      source: disk.path,
      options,
    });

    it("are mounted by the guest, written to, and taken out with their container", async () => {
      const said = await run("writes", "cat /data/file; echo of the guest >/data/new; grep ' /data ' /proc/mounts", {
        mounts: [mountOf("ext4", ["rprivate", "noatime", "rw"])],
      });
      expect(said).to.match(/^of the host\n\/dev\/[sv]d[a-z] \/data ext4 rw,noatime/);
      const again = "ls /sys/block | grep -c '[sv]d'; cat /data/new";
      expect(await run("reads", again, { mounts: [mountOf("ext4", ["ro"])] })).to.equal("2\nof the guest\n");
      expect(await run("none", "ls /sys/block | grep -c '[sv]d'")).to.equal("1\n");
    });

    it("are read-only for the whole guest when the mount is", async () => {
      const before = readFileSync(withFiles.file);
      const script = `touch /data/new2 2>&1; mount -o remount,rw /data 2>&1; touch /data/new2 2>&1; cat ${isReadOnly}; cat /data/file`;
      const said = await run("read-only", script, { mounts: [mountOf("ext4", ["ro"])] });
      expect(said).to.match(/Read-only file system[^]*\n1\nof the host\n$/);
      expect(readFileSync(withFiles.file).equals(before)).to.equal(true);
    });

    it("are nodes in the container when they are bound, and written to as such", async () => {
      const script =
        "[ -b /data ] && dd if=/data bs=8 count=1 2>/dev/null; echo marked | dd of=/data bs=512 seek=1 conv=fsync 2>&1";
      writeFileSync(raw.file, "beginning", { flag: "r+" });
      expect(await run("bound", script, { mounts: [mountOf("bind", ["rbind", "rw"], raw)] })).to.match(/^beginnin0\+1/);
      expect(readFileSync(raw.file).toString("latin1", 512, 519)).to.equal("marked\n");
      const denied = await run(
        "bound-ro",
        `dd if=/data bs=4 count=1 2>/dev/null; echo x | dd of=/data 2>&1; cat ${isReadOnly}`,
        {
          mounts: [mountOf("bind", ["rbind", "ro"], raw)],
        },
      );
      expect(denied).to.match(/^begi.*(Read-only file system|Operation not permitted)\n1\n/);
    });

    it("are devices with the guest's numbers, as their spec wants them and as far as its rules go", async () => {
      const device = {
        path: "/dev/xvdz",
        type: "b",
        major: raw.major,
        minor: raw.minor,
        fileMode: 0o640,
        uid: 5,
        gid: 6,
      };
      const rule = { allow: true, type: "b", major: raw.major, minor: raw.minor };
      const look = "stat -c '%a %u %g %F' /dev/xvdz; dd if=/dev/xvdz bs=4 count=1 2>/dev/null; echo; ";
      const write = "echo device | dd of=/dev/xvdz bs=512 seek=2 conv=fsync 2>&1";
      const said = await run("device", look + write, { devices: [device], rules: [{ ...rule, access: "rwm" }] });
      expect(said).to.match(/^640 5 6 block special file\nbegi\n0\+1/);
      expect(readFileSync(raw.file).toString("latin1", 1024, 1031)).to.equal("device\n");
      const parts = { devices: [device], rules: [{ ...rule, access: "r" }] };
      const denied = await run("device-ro", `${look}${write}; cat ${isReadOnly}`, parts);
      expect(denied).to.match(/^640 5 6 block special file\nbegi\n.*(Operation not permitted|Read-only)[^]*\n1\n$/);
    });

    it("are one disk for all containers that have them, until the last ends", async () => {
      const device = { path: "/dev/xvdz", type: "b", major: raw.major, minor: raw.minor };
      await launch("holds", "exec sleep 100000", { devices: [device] });
      const mounts = [mountOf("bind", ["rbind", "rw"], raw)];
      expect(await run("joins", "ls /sys/block | grep -c '[sv]d'", { mounts })).to.equal("2\n");
      expect(await run("looks", "ls /sys/block | grep -c '[sv]d'")).to.equal("2\n");
      const conflict = await refusal(launch("clashes", "true", { mounts: [mountOf("bind", ["ro"], raw)] }));
      expect(conflict.message).to.include("the machine has the disk").and.include("read-only too");
      await shim.remove("holds");
      expect(await run("last", "ls /sys/block | grep -c '[sv]d'")).to.equal("1\n");
    });

    it("are not had by a node that somebody has made in a volume", async () => {
      const planted = join(directory, "planted");
      createLinuxSys().files.mknod(planted, "block", 0o666, raw);
      const mounts = [{ destination: "/data", type: "bind", source: planted, options: ["rbind"] }];
      const refused = await refusal(launch("planted", "true", { mounts }));
      expect(refused.message)
        .to.include(`the mount at /data: its source ${planted}`)
        .and.include("not of the host's own");
      const unknown = { path: "/dev/xvdz", type: "b", major: 4000, minor: 1 };
      expect((await refusal(launch("unknown", "true", { devices: [unknown] }))).message).to.include("4000:1");
    });

    it("end with their pod, and leave nothing", async () => {
      const served = shim.shim("pod");
      await shim.remove("pod");
      await shim.gone(served);
    });
  });
