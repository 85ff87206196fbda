import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { OciMount, OciSpec } from "../../../src/core/oci/spec.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { defaultRoots } from "../../../src/core/runtime/roots.js";
import { removeMountInfo, addMountInfo } from "../../../src/plugins/storage/volume-direct/write-mount-info.js";
import { inHostVm } from "../../support/host-vm/needs-host-vm.js";
import { checkLeaks } from "../../support/leaks.js";
import { type LoopDisk, makeLoopDisk, needsLoop } from "../../support/loop-disk.js";
import { execRequest, MachineShim, privileged, type TaskClient } from "../../support/machine-shim.js";
import { needsRoot } from "../../support/needs-root.js";
import { runProgram } from "../../support/program.js";
import { makeBusyboxRootfs } from "../../support/rootfs.js";
import { podAnnotations } from "../../support/shim.js";
import { TestPod } from "../../support/test-pod.js";

const kataTs = fileURLToPath(new URL("../../../src/bin/kata-ts/main.js", import.meta.url));
/** Of its own, since others have a "pod" beside this one. */
const pod = `pod${process.pid}`;
const mib = 2 ** 20;
const sys = createLinuxSys();

/** Machines that have their disks and their files in different ways. */
const machines = [
  {
    name: "by virtio-scsi, where nothing is shared",
    lines: ['block_device_driver = "virtio-scsi"', 'shared_fs = "none"'],
  },
  { name: "by virtio-blk, beside what is shared", lines: ["enable_virtio_mem = true"] },
];

for (const { name, lines } of machines)
  describe(`a sandbox whose shim was killed, with disks ${name}`, () => {
    let directory: string;
    let shim: MachineShim;
    let network: TestPod;
    let volume: string;
    let execs = 0;

    before(async function () {
      needsRoot(this);
      directory = mkdtempSync(join(tmpdir(), "kata-ts-recovery-"));
      volume = join(directory, "pvc/mount");
      for (const one of [
        "tree",
        "kubernetes.io~empty-dir/memory",
        "kubernetes.io~empty-dir/huge",
        "kubernetes.io~empty-dir/disk",
        "config",
      ])
        mkdirSync(join(directory, one), { recursive: true });
      makeBusyboxRootfs(join(directory, "tree"));
      const inMemory = { type: "tmpfs", data: "size=8m" };
      await sys.mounts.mount({ ...inMemory, source: "tmpfs", target: join(emptyDir(), "memory") });
      const ofPages = { type: "hugetlbfs", data: "pagesize=2M" };
      await sys.mounts.mount({ ...ofPages, source: "nodev", target: join(emptyDir(), "huge") });
      network = new TestPod();
      network.addPair("eth1", "peer1", 2);
      shim = new MachineShim(["default_memory = 256", ...lines]);
    });
    after(async () => {
      await shim?.end();
      network?.close();
      if (directory === undefined) return;
      await removeMountInfo(sys, defaultRoots.directVolumes, volume);
      for (const one of ["memory", "huge"]) await sys.mounts.unmount(join(emptyDir(), one), { detach: true });
      rmSync(directory, { recursive: true });
    });
    checkLeaks(() => ({ ...shim.leakScope, marks: [...shim.leakScope.marks, basename(directory)] }));

    const emptyDir = (): string => join(directory, "kubernetes.io~empty-dir");

    /** A file that is a disk with an ext4, with the root of a container on it if it is for one. */
    const image = (one: string, root = true): string => {
      const path = join(directory, one);
      writeFileSync(path, "");
      truncateSync(path, 16 * mib);
      execFileSync("mkfs.ext4", ["-q", "-F", ...(root ? ["-d", join(directory, "tree")] : []), path]);
      return path;
    };
    const onDisk = (source: string) => [{ type: "ext4", source, target: "", options: [] }];

    /** Layers of erofs with a disk for what is written, as containerd's snapshotter gives them. */
    const onLayers = () => {
      const layer = join(directory, "layer.erofs");
      execFileSync("mkfs.erofs", ["--quiet", layer, join(directory, "tree")]);
      const directories = ["upper", "work"].map((one) => `${one}dir={{ mount 0 }}/${one}`);
      const made = ["upper", "work"].map((one) => `X-containerd.mkdir.path={{ mount 0 }}/${one}:0755`);
      const options = [...made, ...directories, "lowerdir={{ overlay 1 1 }}"];
      return [
        { type: "ext4", source: image("upper", false), target: "", options: ["rw", "loop"] },
        { type: "erofs", source: layer, target: "", options: ["ro", "loop"] },
        { type: "format/mkdir/overlay", source: "overlay", target: "", options },
      ];
    };

    const bind = (source: string, destination: string): OciMount => ({
      destination,
      type: "bind",
      source,
      options: ["rbind"],
    });

    const launch = (id: string, script: string, rootfs: object[], change: (spec: OciSpec) => OciSpec) =>
      shim.launch(id, ["sh", "-c", script], {
        annotations: podAnnotations(id === pod ? "sandbox" : "container", pod),
        change: (spec) => change(privileged(spec)),
        request: { rootfs: rootfs as never },
      });
    const withMounts =
      (mounts: readonly OciMount[], resources = {}) =>
      (spec: OciSpec) => ({
        ...spec,
        mounts: [...(spec.mounts ?? []), ...mounts],
        linux: { ...spec.linux, resources },
      });

    const startPod = () =>
      launch(pod, "exec sleep 100000", onDisk(image(pod)), (spec) => {
        const namespaces = (spec.linux?.namespaces ?? []).filter(({ type }) => type !== "network");
        const own = { type: "network", path: network.namespace };
        const cgroupsPath = `/${basename(directory)}`;
        return { ...spec, linux: { ...spec.linux, cgroupsPath, namespaces: [...namespaces, own] } };
      });

    /** What a process of a container prints, whose exit status is as it should be. */
    async function printed(task: TaskClient, id: string, script: string, status = 0): Promise<string> {
      const execId = `look${execs++}`;
      const file = join(shim.directory, execId);
      await task.exec(execRequest(id, execId, ["sh", "-c", script], { stdout: `file://${file}` }));
      await task.start({ id, execId });
      expect((await task.wait({ id, execId })).exitStatus, script).to.equal(status);
      await task.delete({ id, execId });
      return readFileSync(file, "utf8");
    }

    async function killShim(): Promise<void> {
      const one = shim.shim(pod);
      process.kill(one.pid, "SIGKILL");
      await shim.gone(one);
    }

    /** Has another shim go on with it, which says what it cannot. */
    async function recovered(): Promise<TaskClient> {
      await killShim();
      const { status, stderr } = await shim.start(pod);
      expect(status, stderr).to.equal(0);
      return shim.client(pod);
    }

    it("goes on with roots on disks and layers, every kind of volume, memory that was plugged, and several links", async () => {
      const assigned = image("assigned", false);
      const info = { "volume-type": "directvol", device: assigned, fstype: "ext4", options: [] };
      await addMountInfo(sys, defaultRoots.directVolumes, volume, JSON.stringify(info));
      writeFileSync(join(directory, "config/key"), "first\n");
      writeFileSync(join(directory, "alone"), "alone\n");

      const before = await startPod();
      const memory = async (task: TaskClient): Promise<number> =>
        Number(await printed(task, pod, "awk '/^MemTotal/ {print $2}' /proc/meminfo"));
      const first = await memory(before);
      const mounts = [
        bind(join(emptyDir(), "memory"), "/memory"),
        bind(join(emptyDir(), "huge"), "/huge"),
        bind(join(emptyDir(), "disk"), "/disk"),
        bind(join(directory, "config"), "/config"),
        bind(join(directory, "alone"), "/alone"),
        bind(volume, "/assigned"),
      ];
      const limit = 64 * mib;
      const hugepageLimits = [{ pageSize: "2MB", limit: 4 * mib }];
      const script =
        "for one in memory disk assigned; do echo $one >/$one/file; done; echo root >/file; sync; exec sleep 100000";
      await launch("c1", script, onLayers(), withMounts(mounts, { memory: { limit }, hugepageLimits }));
      await printed(before, "c1", "until [ -s /file ]; do sleep 0.1; done");
      const plugged = await memory(before);
      expect(plugged).to.be.above(first);

      const after = await recovered();
      const all = "cat /memory/file /disk/file /assigned/file /file /alone /config/key; grep -c hugetlbfs /proc/mounts";
      expect(await printed(after, "c1", all)).to.equal("memory\ndisk\nassigned\nroot\nalone\nfirst\n1\n");
      expect(await printed(after, "c1", "exit 7", 7)).to.equal("");
      expect(await printed(after, pod, "ls /sys/class/net | sort | xargs")).to.match(/eth0 eth1/);
      expect((await after.stats({ id: "c1" })).stats?.typeUrl).to.match(/Metrics$/);
      writeFileSync(join(directory, "config/key"), "second\n");
      await printed(
        after,
        "c1",
        "for i in $(seq 100); do grep -q second /config/key && exit 0; sleep 0.2; done; exit 1",
      );

      const disks = async (): Promise<number> => Number(await printed(after, pod, "ls /sys/block | grep -c '^[sv]d'"));
      const there = await disks();
      // Nothing is plugged for who joins, and what is not his is left when he goes.
      await launch(
        "c2",
        "cat /assigned/file /memory/file",
        onDisk(image("c2")),
        withMounts(mounts.filter(({ destination }) => ["/assigned", "/memory"].includes(destination))),
      );
      expect((await after.wait({ id: "c2", execId: "" })).exitStatus).to.equal(0);
      expect(shim.output("c2")).to.equal("assigned\nmemory\n");
      expect(await disks()).to.equal(there + 1);
      await after.delete({ id: "c2", execId: "" });
      expect(await disks()).to.equal(there);

      const about = async (...args: string[]): Promise<string> => {
        const all = [kataTs, "direct-volume", ...args, "--run", shim.roots.run];
        const { status, stdout, stderr } = await runProgram(process.execPath, all, { ms: 60_000 });
        return status === 0 ? stdout : stderr;
      };
      const bytesOf = async (): Promise<{ total: number; used: number }> => {
        const { usage } = JSON.parse(await about("stats", volume)) as { usage: { total: number; used: number }[] };
        return usage[0] ?? expect.fail("nothing is told of bytes");
      };
      const small = await bytesOf();
      expect(small.total).to.be.within(12 * mib, 16 * mib);
      expect(await about("resize", volume, String(24 * mib))).to.equal(`${volume} has ${24 * mib} bytes at least\n`);
      const large = await bytesOf();
      expect(large.total).to.be.within(20 * mib, 24 * mib);
      expect(large.used).to.be.at.least(small.used);
      expect(statSync(assigned).size).to.equal(24 * mib);
      const fills = "dd if=/dev/zero of=/assigned/big bs=1M count=18 conv=fsync 2>/dev/null && rm /assigned/big";
      expect(await printed(after, "c1", fills)).to.equal("");
      expect(await about("resize", volume, "lots")).to.include('"lots" is no number of bytes');
      expect(await about("stats", "/elsewhere")).to.include("has a volume of /elsewhere");

      const typeUrl = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources";
      const value = Buffer.from(JSON.stringify({ memory: { limit: 256 * mib } }));
      await after.update({ id: "c1", resources: { typeUrl, value }, annotations: {} });
      expect(await memory(after)).to.be.above(plugged);

      await after.kill({ id: "c1", execId: "", signal: 9, all: true });
      expect((await after.wait({ id: "c1", execId: "" })).exitStatus).to.equal(137);
      await after.delete({ id: "c1", execId: "" });
      // The root's layer, what is written on it, and the volume are the machine's no more.
      expect(await disks()).to.equal(there - 3);
      expect(execFileSync("debugfs", ["-R", "cat /file", assigned], { stdio: "pipe" }).toString()).to.equal(
        "assigned\n",
      );
      await killShim();
      expect((await shim.delete(pod)).status).to.equal(0);
      expect(shim.leftovers()).to.deep.equal([]);
    });

    // How the machine has its disks makes no difference to these.
    if (name !== machines[0]?.name) return;

    it("goes on with devices of the host: a root, a file system, a node, a device", async function () {
      needsLoop(this);
      const loops: LoopDisk[] = [];
      const loop = (one: string, options: Parameters<typeof makeLoopDisk>[1]): LoopDisk => {
        const made = makeLoopDisk(join(directory, one), options);
        loops.push(made);
        return made;
      };
      const origin = loop("origin", { bytes: 16 * mib, tree: join(directory, "tree") });
      // Where the kernel has the device mapper the root is a snapshot of that disk, as containerd's snapshotter makes them.
      const snapshot = inHostVm() && existsSync("/dev/mapper/control") ? `kata-ts-snapshot-${process.pid}` : undefined;
      if (snapshot !== undefined) {
        const table = `0 ${(16 * mib) / 512} snapshot ${origin.path} ${loop("changes", { bytes: 8 * mib }).path} N 8`;
        execFileSync("dmsetup", ["create", snapshot, "--table", table]);
      }
      const root = snapshot === undefined ? origin.path : `/dev/mapper/${snapshot}`;
      try {
        const files = loop("files", { bytes: 8 * mib, tree: join(directory, "config") });
        const node = loop("node", { bytes: mib });
        const device = loop("device", { bytes: mib });
        await startPod();
        const mounts: OciMount[] = [
          { destination: "/files", type: "ext4", source: files.path, options: ["rw"] },
          { destination: "/node", type: "bind", source: node.path, options: ["rbind", "rw"] },
        ];
        await launch("c1", "exec sleep 100000", onDisk(root), (spec) => ({
          ...withMounts(mounts)(spec),
          linux: {
            ...spec.linux,
            devices: [{ path: "/dev/xvdz", type: "b", major: device.major, minor: device.minor }],
          },
        }));
        const after = await recovered();
        const write =
          "echo root >/file; echo files >/files/new; for one in /node /dev/xvdz; do echo $one | dd of=$one conv=fsync 2>/dev/null || exit 1; done; sync";
        await printed(after, "c1", write);
        await after.kill({ id: "c1", execId: "", signal: 9, all: true });
        expect((await after.wait({ id: "c1", execId: "" })).exitStatus).to.equal(137);
        await after.delete({ id: "c1", execId: "" });
        expect(readFileSync(node.file, "latin1").slice(0, 6)).to.equal("/node\n");
        expect(readFileSync(device.file, "latin1").slice(0, 10)).to.equal("/dev/xvdz\n");
        const read = (path: string, disk: string) =>
          execFileSync("debugfs", ["-R", `cat ${path}`, disk], { stdio: "pipe" }).toString();
        expect(read("/new", files.path)).to.equal("files\n");
        expect(read("/file", root)).to.equal("root\n");
        await killShim();
        expect((await shim.delete(pod)).status).to.equal(0);
      } finally {
        await shim.clear();
        // Nobody of ours has it open: otherwise it could not be removed.
        if (snapshot !== undefined) execFileSync("dmsetup", ["remove", "--retry", snapshot]);
        for (const one of loops.toReversed()) one.detach();
      }
    });
  });
