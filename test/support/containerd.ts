import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Finished, runProgram, type RunOptions } from "./program.js";
import { makeBusyboxRootfs } from "./rootfs.js";

/** The image that `Containerd.importBusybox` imports. */
export const busyboxImage = "docker.io/library/busybox:test";

/** Directory of this build's shim. */
const shimDirectory = fileURLToPath(new URL("../../shim", import.meta.url));

const digest = (data: Buffer): string => `sha256:${createHash("sha256").update(data).digest("hex")}`;

/** Writes an OCI image of the distribution's busybox as an archive that `ctr image import` takes. */
function writeBusyboxImage(directory: string): string {
  const rootfs = join(directory, "image-rootfs");
  const blobs = join(directory, "image", "blobs", "sha256");
  mkdirSync(rootfs);
  mkdirSync(blobs, { recursive: true });
  makeBusyboxRootfs(rootfs);
  const tar = (from: string): Buffer => {
    const options = { maxBuffer: 64 << 20 };
    return spawnSync("tar", ["-C", from, "--owner=0", "--group=0", "-cf", "-", "."], options).stdout;
  };
  const blob = (data: Buffer): { digest: string; size: number } => {
    writeFileSync(join(blobs, digest(data).slice("sha256:".length)), data);
    return { digest: digest(data), size: data.length };
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const layer = tar(rootfs);
  const config = json({
    architecture: "amd64",
    os: "linux",
    config: { Env: ["PATH=/bin"], Cmd: ["sh"] },
    rootfs: { type: "layers", diff_ids: [digest(layer)] },
  });
  const media = "application/vnd.oci.image";
  const manifest = json({
    schemaVersion: 2,
    mediaType: `${media}.manifest.v1+json`,
    config: { mediaType: `${media}.config.v1+json`, ...blob(config) },
    layers: [{ mediaType: `${media}.layer.v1.tar`, ...blob(layer) }],
  });
  const annotations = { "io.containerd.image.name": busyboxImage };
  const index = {
    schemaVersion: 2,
    manifests: [{ mediaType: `${media}.manifest.v1+json`, ...blob(manifest), annotations }],
  };
  writeFileSync(join(directory, "image", "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(directory, "image", "index.json"), json(index));
  const archive = join(directory, "busybox.tar");
  writeFileSync(archive, tar(join(directory, "image")));
  return archive;
}

/** A containerd of the test's own, on directories of its own, with this build's shim in its PATH. */
export class Containerd {
  readonly directory: string;
  readonly address: string;
  readonly logFile: string;
  #pid = 0;

  private constructor(directory: string) {
    this.directory = directory;
    this.address = join(directory, "state", "c.sock");
    this.logFile = join(directory, "containerd.log");
  }

  /** Writes its configuration, starts it and imports the busybox image. */
  static async open(): Promise<Containerd> {
    const one = new Containerd(mkdtempSync(join(tmpdir(), "kata-ts-ctd-")));
    const unused = ["btrfs", "zfs", "aufs", "devmapper"].map((name) => `"io.containerd.snapshotter.v1.${name}"`);
    const disabled = [...unused, '"io.containerd.grpc.v1.cri"'].join(", ");
    const lines = [
      "version = 2",
      `root = "${one.directory}/root"`,
      `state = "${one.directory}/state"`,
      `disabled_plugins = [${disabled}]`,
      "[grpc]",
      `  address = "${one.address}"`,
      '[plugins."io.containerd.internal.v1.opt"]',
      `  path = "${one.directory}/opt"`,
    ];
    writeFileSync(join(one.directory, "config.toml"), `${lines.join("\n")}\n`);
    await one.start();
    const imported = await one.ctr(["images", "import", writeBusyboxImage(one.directory)]);
    if (imported.status !== 0) throw new Error(imported.stderr);
    return one;
  }

  /** Starts the daemon and waits until it answers. */
  async start(): Promise<void> {
    const log = openSync(this.logFile, "a");
    const env = { ...process.env, PATH: `${shimDirectory}:${process.env["PATH"]}` };
    const options = { detached: true, stdio: ["ignore", log, log], env } as const;
    const child = spawn("containerd", ["-c", join(this.directory, "config.toml")], {
      ...options,
      stdio: [...options.stdio],
    });
    this.#pid = child.pid ?? 0;
    for (let looks = 0; looks < 200; looks += 1) {
      const { status } = await this.ctr(["version"], { ms: 10_000 });
      if (status === 0) return;
      await sleep(50);
    }
    throw new Error(`containerd does not answer:\n${readFileSync(this.logFile, "utf8").slice(-2000)}`);
  }

  /** Ends the daemon; shims and their containers go on. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    process.kill(this.#pid, signal);
    for (let looks = 0; looks < 200; looks += 1) {
      const { status } = spawnSync("kill", ["-0", String(this.#pid)]);
      const state = status === 0 ? readFileSync(`/proc/${this.#pid}/stat`, "utf8").split(") ")[1]?.[0] : "Z";
      if (state === "Z") return;
      await sleep(50);
    }
    throw new Error(`containerd (pid ${this.#pid}) does not end`);
  }

  /** Runs ctr against this containerd. */
  ctr(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return runProgram("ctr", ["--address", this.address, ...args], { ms: 90_000, ...options });
  }

  /** `ctr run` with our runtime; `flags` come before the image. */
  run(id: string, flags: readonly string[], command: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return this.ctr(["run", "--runtime", "io.containerd.kata-ts.v2", ...flags, busyboxImage, id, ...command], options);
  }

  /** The status of each task, by id. */
  async tasks(): Promise<Map<string, string>> {
    const { stdout } = await this.ctr(["tasks", "list"]);
    const rows = stdout.trim().split("\n").slice(1);
    return new Map(rows.map((row) => row.split(/\s+/)).map(([id = "", , status = ""]) => [id, status]));
  }

  /** Ends a task by SIGKILL and removes it with its container. */
  async remove(id: string): Promise<void> {
    await this.ctr(["tasks", "kill", "--signal", "9", id]);
    for (let looks = 0; looks < 100 && (await this.tasks()).get(id) === "RUNNING"; looks += 1) await sleep(50);
    await this.ctr(["tasks", "delete", id]);
    await this.ctr(["containers", "delete", id]);
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true });
  }
}
