import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { deleteContainer } from "../../../src/bin/shim/delete.js";
import type { ContainerdMount } from "../../../src/core/contracts/rootfs.js";
import type { CreateTask } from "../../../src/core/messages/task.js";
import { defaultSpec } from "../../../src/core/oci/default-spec.js";
import type { OciMount, OciSpec } from "../../../src/core/oci/spec.js";
import { isRunning } from "../../../src/core/process/identity.js";
import { SandboxRecord } from "../../../src/core/sandbox/record.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { infoName, volumeName } from "../../../src/plugins/storage/volume-direct/mount-info.js";
import { defaultRoots } from "../../../src/core/runtime/roots.js";
import { removeMountInfo } from "../../../src/plugins/storage/volume-direct/write-mount-info.js";
import { type KilledRuntime, killedNamespace } from "../../support/killed-runtime.js";
import { checkLeaks } from "../../support/leaks.js";
import { makeLoopDisk, needsLoop } from "../../support/loop-disk.js";
import { needsRoot } from "../../support/needs-root.js";
import { runProgram } from "../../support/program.js";
import { TestPod } from "../../support/test-pod.js";

const program = fileURLToPath(new URL("../../support/killed-runtime.js", import.meta.url));
const sys = createLinuxSys();
const mib = 2 ** 20;

/** A nydusd that serves nothing, at a place that is mounted, until it is told to end. */
const idleNydusd = `#!${process.execPath}
const { execFileSync } = require("node:child_process");
const option = (name) => process.argv[process.argv.indexOf(name) + 1];
execFileSync("mount", ["-t", "tmpfs", "nydus", option("--mountpoint")]);
require("node:http").createServer((_, response) => response.end('{"state":"RUNNING"}')).listen(option("--apisock"));
`;

/** What a container has, of which a shim that was killed leaves something. */
interface Kind {
  readonly name: string;
  readonly lines?: readonly string[];
  readonly loop?: boolean;
  rootfs?(): ContainerdMount[];
  mounts?(): OciMount[];
  change?(spec: OciSpec): OciSpec;
  /** What it has made besides the machine: mounts below the sandbox's directories, and processes by their names. */
  readonly left: { readonly mounts: number; readonly processes: readonly string[] };
}

describe("what a shim leaves that is killed is removed by its delete alone, of", () => {
  let directory: string;
  let network: TestPod;
  let path: string | undefined;
  let disks: { detach(): void }[];

  before(function () {
    needsRoot(this);
    path = process.env["PATH"];
  });
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kts-killed-"));
    disks = [];
    for (const one of ["bundle/rootfs", "lower", "upper", "work", "source", "kubernetes.io~empty-dir/one", "programs"])
      mkdirSync(join(directory, one), { recursive: true });
    writeFileSync(join(directory, "lower/file"), "");
    writeFileSync(join(directory, "source/kept"), "");
  });
  afterEach(async () => {
    process.env["PATH"] = path;
    for (const disk of disks) disk.detach();
    await sys.mounts.unmount(emptyDir(), { detach: true });
    await removeMountInfo(sys, defaultRoots.directVolumes, at("volume"));
  });
  checkLeaks(() => ({ marks: [`${directory}/`, basename(directory)] }));
  afterEach(async () => {
    await sys.mounts.unmountTree(directory, { detach: true });
    rmSync(directory, { recursive: true });
  });

  const at = (...names: string[]): string => join(directory, ...names);
  const ext4 = (name: string): string => {
    writeFileSync(at(name), "");
    truncateSync(at(name), 2 * mib);
    execFileSync("mkfs.ext4", ["-q", "-F", at(name)]);
    return at(name);
  };
  const mount = (type: string, source: string, options: string[] = []) => ({ type, source, target: "", options });
  const overlay = () => [
    mount("overlay", "overlay", [`lowerdir=${at("lower")}`, `upperdir=${at("upper")}`, `workdir=${at("work")}`]),
  ];
  const bind = (source: string): OciMount => ({ destination: "/data", type: "bind", source, options: ["rbind"] });
  const emptyDir = (): string => at("kubernetes.io~empty-dir/one");
  const mountEmptyDir = (type: string, data: string): OciMount[] => {
    execFileSync("mount", ["-t", type, "-o", data, type, emptyDir()]);
    return [bind(emptyDir())];
  };
  const loopDisk = () => {
    const disk = makeLoopDisk(at("loop"), { bytes: mib, tree: at("source") });
    disks.push(disk);
    return disk;
  };
  /** What is shared: the tree itself with what it shows, which is two mounts for a source and one of the source. */
  const share = { mounts: 3, processes: ["virtiofsd"] };
  const nothingShared = ['shared_fs = "none"'];

  const kinds: readonly Kind[] = [
    { name: "a root that the host mounts", rootfs: overlay, left: { ...share, mounts: 6 } },
    { name: "a root that is a directory", left: { ...share, mounts: 5 } },
    {
      name: "a root on a disk",
      lines: nothingShared,
      rootfs: () => [mount("ext4", ext4("root"))],
      left: { mounts: 0, processes: [] },
    },
    {
      name: "a root of layers",
      lines: nothingShared,
      rootfs: () => {
        execFileSync("mkfs.erofs", ["--quiet", at("layer"), at("lower")]);
        return [
          mount("erofs", at("layer"), ["ro", "loop"]),
          mount("format/mkdir/overlay", "overlay", ["lowerdir={{ overlay 0 0 }}", "workdir=/w", "upperdir=/u"]),
        ];
      },
      left: { mounts: 0, processes: [] },
    },
    {
      name: "a root of nydus",
      rootfs: () => {
        writeFileSync(at("programs/nydusd"), idleNydusd);
        chmodSync(at("programs/nydusd"), 0o755);
        process.env["PATH"] = `${at("programs")}:${path ?? ""}`;
        const metadata = Buffer.alloc(4096);
        metadata.writeUInt32LE(0xe0f5e1e2, 1024);
        writeFileSync(at("image.boot"), metadata);
        const image = { source: at("image.boot"), config: "{}", snapshotdir: directory, fs_version: "v6" };
        const extra = Buffer.from(JSON.stringify(image)).toString("base64");
        const options = [
          `workdir=${at("work")}`,
          `upperdir=${at("upper")}`,
          "lowerdir=/nowhere",
          `extraoption=${extra}`,
        ];
        return [mount("fuse.nydus-overlayfs", "overlay", options)];
      },
      left: { mounts: 7, processes: ["virtiofsd", "nydusd"] },
    },
    { name: "a shared directory", mounts: () => [bind(at("source"))], left: { ...share, mounts: 7 } },
    { name: "a shared file", mounts: () => [bind(at("source/kept"))], left: { ...share, mounts: 7 } },
    {
      name: "a volume that a CSI driver has assigned",
      mounts: () => {
        const info = { "volume-type": "directvol", device: ext4("volume.image"), fstype: "ext4", options: [] };
        const place = join(defaultRoots.directVolumes, volumeName(at("volume")));
        mkdirSync(place, { recursive: true, mode: 0o700 });
        writeFileSync(join(place, infoName), JSON.stringify(info), { mode: 0o600 });
        return [bind(at("volume"))];
      },
      left: { ...share, mounts: 5 },
    },
    { name: "memory", mounts: () => mountEmptyDir("tmpfs", "size=1m"), left: { ...share, mounts: 5 } },
    {
      name: "huge pages",
      mounts: () => mountEmptyDir("hugetlbfs", "pagesize=2M,size=4m"),
      left: { ...share, mounts: 5 },
    },
    {
      name: "a directory of the guest, and copies",
      lines: nothingShared,
      rootfs: () => [mount("ext4", ext4("root"))],
      mounts: () => [bind(emptyDir()), { ...bind(at("source")), destination: "/copy" }],
      left: { mounts: 0, processes: [] },
    },
    {
      name: "a file system and the node of block devices",
      loop: true,
      mounts: () => {
        const { path: source } = loopDisk();
        return [
          { destination: "/files", type: "ext4", source, options: ["rw"] },
          { ...bind(source), type: "bind" },
        ];
      },
      left: { ...share, mounts: 5 },
    },
    {
      name: "a block device",
      loop: true,
      change: (spec) => {
        const { major, minor } = loopDisk();
        return { ...spec, linux: { ...spec.linux, devices: [{ path: "/dev/xvda", type: "b", major, minor }] } };
      },
      left: { ...share, mounts: 5 },
    },
  ];

  const request = (containerId: string, { rootfs, mounts, change }: Partial<Kind> = {}): CreateTask => {
    const spec = defaultSpec({ rootPath: at("source"), args: ["sleep"], annotations: {} });
    const cgroupsPath = `/${basename(directory)}`;
    const own = { ...spec, mounts: [...(spec.mounts ?? []), ...(mounts?.() ?? [])] };
    const placed = { ...own, linux: { ...own.linux, cgroupsPath } };
    return {
      containerId,
      bundle: at("bundle"),
      spec: change?.(placed) ?? placed,
      rootfs: rootfs?.() ?? [],
      io: { terminal: false },
    };
  };
  const runDirectory = (): string => at("run", killedNamespace, "one");

  async function kill(what: Omit<KilledRuntime, "directory">): Promise<void> {
    writeFileSync(at("what"), JSON.stringify({ directory, ...what } satisfies KilledRuntime));
    const { status, stderr } = await runProgram(process.execPath, [program, at("what")], { ms: 20_000 });
    // Whoever ends otherwise has said why.
    expect(stderr.split("\n").filter((line) => !line.includes('"level":"warn"') && line !== "")).to.deep.equal([]);
    expect(status).to.not.equal(0);
  }

  /** What it has left of a kind: mounts, and processes besides the machine. */
  const left = () => {
    const { processes = [] } = SandboxRecord.load(runDirectory())?.content ?? {};
    for (const { name, identity } of processes) expect(identity && isRunning(identity), name).to.equal(true);
    const mounts = sys.mounts.below(directory).filter(({ mountPoint }) => mountPoint !== emptyDir());
    return { mounts: mounts.length, processes: processes.map(({ name }) => name).filter((name) => name !== "machine") };
  };

  async function expectRemoved(): Promise<void> {
    const roots = { run: at("run"), sockets: directory };
    const deletion = { sys, roots, namespace: killedNamespace, id: "one", bundle: at("bundle") };
    expect((await deleteContainer(deletion)).problems).to.deep.equal([]);
    expect(readdirSync(at("run"), { recursive: true }).filter((name) => name !== "shared")).to.deep.equal([]);
    expect(readFileSync(at("source/kept"), "utf8")).to.equal("");
    expect((await deleteContainer(deletion)).problems).to.deep.equal([]);
  }

  for (const kind of kinds)
    it(kind.name, async function () {
      if (kind.loop === true) needsLoop(this);
      await kill({ lines: kind.lines ?? [], requests: [request("one", kind)], early: false });
      expect(left()).to.deep.equal(kind.left);
      await expectRemoved();
    });

  it("all at once that are there together, with links, while a container is being created", async () => {
    network = new TestPod();
    try {
      const untouched = network.state();
      const namespaces = [{ type: "network", path: network.namespace }];
      const change = (spec: OciSpec): OciSpec => ({ ...spec, linux: { ...spec.linux, namespaces } });
      const mounts = () => [bind(at("source")), { ...bind(at("source/kept")), destination: "/file" }];
      await kill({ lines: [], requests: [request("one", { rootfs: overlay, mounts, change })], early: true });
      expect(left()).to.deep.equal({ mounts: 10, processes: ["virtiofsd"] });
      expect(network.state()).to.not.equal(untouched);
      await expectRemoved();
      expect(network.state()).to.equal(untouched);
    } finally {
      network.close();
    }
  });
});
