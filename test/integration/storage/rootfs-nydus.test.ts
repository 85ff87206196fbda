import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { findExecutable } from "../../../src/core/process/find-executable.js";
import { checkLeaks } from "../../support/leaks.js";
import { execRequest, MachineShim, refusal } from "../../support/machine-shim.js";
import { needsRoot } from "../../support/needs-root.js";
import { makeBusyboxRootfs } from "../../support/rootfs.js";
import { skip } from "../../support/skip.js";

/** An image as nydus' own tool makes it, and snapshots of it as nydus-snapshotter hands them over. */
class NydusImage {
  readonly bootstrap: string;
  readonly #directory: string;
  readonly #config: string;

  constructor(directory: string, version: "5" | "6") {
    this.#directory = directory;
    const [tree, blobs, cache] = ["tree", "blobs", "cache"].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    for (const path of [directory, tree, blobs, cache]) mkdirSync(path);
    makeBusyboxRootfs(tree);
    writeFileSync(join(tree, "kept"), "kept of the image\n");
    writeFileSync(join(tree, "removed"), "");
    // No reading of a file brings this one in by the way.
    writeFileSync(join(tree, "large"), Buffer.alloc(2 ** 20, "large"));
    writeFileSync(join(tree, "larger"), randomBytes(2 ** 23));
    this.bootstrap = join(directory, "image.boot");
    const where = ["--bootstrap", this.bootstrap, "--blob-dir", blobs];
    execFileSync("nydus-image", ["create", ...where, "--fs-version", version, tree], { stdio: "pipe" });
    const backend = { type: "localfs", config: { dir: blobs } };
    const device = { backend, cache: { type: "blobcache", config: { work_dir: cache } } };
    this.#config = JSON.stringify({ device, mode: "direct", digest_validate: false, enable_xattr: true });
  }

  /** The mounts of a new snapshot; `lower` is where the snapshotter has the image. */
  snapshot(name: string, version: string, { lower = "/nowhere", bootstrap = this.bootstrap } = {}) {
    const snapshotdir = join(this.#directory, name);
    for (const path of ["", "fs", "work"]) mkdirSync(join(snapshotdir, path));
    const extra = { source: bootstrap, config: this.#config, snapshotdir, fs_version: version };
    const options = [
      `workdir=${snapshotdir}/work`,
      `upperdir=${snapshotdir}/fs`,
      `lowerdir=${lower}`,
      `extraoption=${Buffer.from(JSON.stringify(extra)).toString("base64")}`,
    ];
    return [{ type: "fuse.nydus-overlayfs", source: "overlay", target: "", options }];
  }

  /** What nobody has read yet is gone. */
  loseData(): void {
    const blobs = join(this.#directory, "blobs");
    for (const name of readdirSync(blobs)) truncateSync(join(blobs, name));
  }

  written(name: string, path: string): string {
    return readFileSync(join(this.#directory, name, "fs", path), "utf8");
  }

  /** Serves the image as the snapshotter's own daemon does; gives where, and what ends it. */
  async serve(): Promise<{ lower: string; end: () => Promise<void> }> {
    const [lower, config] = [join(this.#directory, "mnt"), join(this.#directory, "config.json")];
    mkdirSync(lower);
    writeFileSync(config, this.#config);
    const args = ["fuse", "--bootstrap", this.bootstrap, "--mountpoint", lower, "--config", config];
    const child = spawn("nydusd", [...args, "--rlimit-nofile", "0"], { stdio: "ignore" });
    const exited = once(child, "exit");
    for (let looks = 0; looks < 200 && !existsSync(join(lower, "kept")); looks += 1) await sleep(50);
    const end = async (): Promise<void> => {
      child.kill();
      await exited;
    };
    return { lower, end };
  }
}

describe("root file systems of nydus-snapshotter", () => {
  let directory: string;
  let image: NydusImage;
  let shim: MachineShim;

  before(function () {
    needsRoot(this);
    for (const program of ["nydusd", "nydus-image"]) {
      if (findExecutable(program) === undefined) {
        skip(this, `there is no ${program} here: "npm test -- more" builds it of the crate nydus-rs`);
      }
    }
    directory = mkdtempSync(join(tmpdir(), "kata-ts-nydus-"));
    image = new NydusImage(join(directory, "image"), "6");
    shim = new MachineShim();
  });
  after(() => {
    shim?.close();
    if (directory !== undefined) rmSync(directory, { recursive: true });
  });
  afterEach(() => shim.clear());
  checkLeaks(() => ({ ...shim.leakScope, marks: [...shim.leakScope.marks, `${directory}/`] }));

  const run = async (id: string, rootfs: object[], script: string) => {
    const pod = { "container-type": id === "pod" ? "sandbox" : "container", "sandbox-id": "pod" };
    const annotations = Object.fromEntries(
      Object.entries(pod).map(([key, value]) => [`io.kubernetes.cri.${key}`, value]),
    );
    return shim.launch(id, ["sh", "-c", script], { annotations, request: { rootfs: rootfs as never } });
  };
  const show = "cat /kept; rm /removed && ls /removed 2>&1; echo new >/written; cat /written";
  const seen = /^kept of the image\nls: \/removed: No such .*\nnew\n/;

  it("are served by a daemon of the container's own, which goes with it", async () => {
    await run("pod", image.snapshot("one", "v6"), `${show}; exec sleep 100000`);
    const old = new NydusImage(join(directory, "old"), "5");
    const { lower, end } = await old.serve();
    try {
      // One of an older format, which somebody serves already.
      const task = await run("served", old.snapshot("two", "v5", { lower, bootstrap: "/nowhere" }), show);
      expect((await task.wait({ id: "served", execId: "" })).exitStatus).to.equal(0);
      expect(shim.output("served")).to.match(seen);
      expect(old.written("two", "written")).to.equal("new\n");
      await shim.remove("served");
      expect(existsSync(join(lower, "kept"))).to.equal(true);
    } finally {
      await end();
    }
    expect(shim.output("pod")).to.match(seen);
    expect(image.written("one", "written")).to.equal("new\n");

    const broken = join(directory, "broken.boot");
    const bytes = Buffer.alloc(8192, 0xff);
    bytes.writeUInt32LE(0xe0f5e1e2, 1024);
    writeFileSync(broken, bytes);
    const refused = await refusal(run("broken", image.snapshot("three", "v6", { bootstrap: broken }), "true"));
    expect(refused.message).to.match(/the root file system of "broken" is of nydus: .*nydusd ended \(exit code 1\)/);

    // What it has not read yet fails when its daemon is gone, and it can still be removed.
    const served = shim.shim("pod");
    process.kill(shim.recordedPid("pod", "nydusd"), "SIGKILL");
    const task = await shim.client("pod");
    await task.exec(execRequest("pod", "read", ["sh", "-c", "cat /large >/dev/null"]));
    await task.start({ id: "pod", execId: "read" }).catch(() => undefined);
    expect((await task.wait({ id: "pod", execId: "read" })).exitStatus).to.not.equal(0);
    await shim.remove("pod");
    await shim.gone(served);
  });

  it("go on when the shim is killed, with their daemon, and leave neither daemon nor mount when it is killed again", async () => {
    await run("pod", image.snapshot("four", "v6"), "while :; do cat /kept; sleep 1; done");
    const daemon = shim.recordedPid("pod", "nydusd");
    await killShim();
    const task = await shim.connect("pod");
    expect(shim.recordedPid("pod", "nydusd")).to.equal(daemon);
    const status = async (execId: string, script: string): Promise<number> => {
      await task.exec(execRequest("pod", execId, ["sh", "-c", script]));
      await task.start({ id: "pod", execId });
      return (await task.wait({ id: "pod", execId })).exitStatus;
    };
    expect(await status("unread", "wc -c </large | grep -q 1048576 && exit 7")).to.equal(7);
    expect((await task.stats({ id: "pod" })).stats?.typeUrl).to.match(/Metrics$/);
    // It complains of what is gone, to nobody, and goes on.
    image.loseData();
    expect(await status("lost", "cat /larger >/dev/null")).to.equal(1);
    expect(await status("kept", "grep kept /kept")).to.equal(0);
    await killShim();
    expect((await shim.delete("pod")).status).to.equal(0);
  });

  async function killShim(): Promise<void> {
    const one = shim.shim("pod");
    process.kill(one.pid, "SIGKILL");
    await shim.gone(one);
  }
});
