import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { codeOf } from "../../src/core/errors/error.js";
import { inHostVm } from "./host-vm/needs-host-vm.js";
import { type Finished, runProgram, type RunOptions } from "./program.js";
import { updateTask } from "./update-task.js";
import { CtrEvents } from "./ctr-events.js";
import { Dialogue } from "./dialogue.js";
import { type ImageParts, writeImage } from "./oci-image.js";

/** The image that is there from the start. */
export const busyboxImage = "docker.io/library/busybox:test";

/** What `ctr run` takes to run with our runtime. */
export const runtimeFlags: readonly string[] = ["--runtime", "io.containerd.kata-ts.v2"];

/** What `ctr run` takes for a container of a pod. */
export const podFlags = (role: "sandbox" | "container", sandbox: string): readonly string[] => [
  `--annotation=io.kubernetes.cri.container-type=${role}`,
  `--annotation=io.kubernetes.cri.sandbox-id=${sandbox}`,
];

/** What a containerd has besides the usual. */
export interface ContainerdOptions {
  /** Lines of its configuration for the Container Runtime Interface, which it then serves; images are for that, too. */
  readonly cri?: (directory: string) => readonly string[];
  /** Lines of a configuration that containers run with; the machine's own, or none, when absent. */
  readonly configuration?: readonly string[];
  /** The snapshotter that images and containers are for, and the lines of its configuration; overlayfs when absent. */
  readonly snapshotter?: { readonly name: string; readonly lines: (directory: string) => readonly string[] };
  /** What it is started within: a network namespace, say. */
  readonly around?: (start: () => ChildProcess) => ChildProcess;
}

/** Directory of this build's shim. */
const shimDirectory = fileURLToPath(new URL("../../shim", import.meta.url));

/** A containerd of the test's own, on directories of its own, with this build's shim in its PATH. */
export class Containerd {
  readonly directory: string;
  readonly address: string;
  readonly logFile: string;
  readonly #options: ContainerdOptions;
  #pid = 0;

  private constructor(directory: string, options: ContainerdOptions) {
    this.directory = directory;
    this.#options = options;
    this.address = join(directory, "state", "c.sock");
    this.logFile = join(directory, "containerd.log");
  }

  /** Writes its configuration, starts it and imports the busybox image. */
  static async open(options: ContainerdOptions = {}): Promise<Containerd> {
    const one = new Containerd(mkdtempSync(join(tmpdir(), "kata-ts-ctd-")), options);
    const unused = ["btrfs", "zfs", "aufs", "devmapper"]
      .filter((name) => name !== options.snapshotter?.name)
      .map((name) => `"io.containerd.snapshotter.v1.${name}"`);
    const disabled = [...unused, ...(options.cri === undefined ? ['"io.containerd.grpc.v1.cri"'] : [])].join(", ");
    const lines = [
      "version = 2",
      `root = "${one.directory}/root"`,
      `state = "${one.directory}/state"`,
      `disabled_plugins = [${disabled}]`,
      "[grpc]",
      `  address = "${one.address}"`,
      '[plugins."io.containerd.internal.v1.opt"]',
      `  path = "${one.directory}/opt"`,
      ...(options.cri?.(one.directory) ?? []),
      ...(options.snapshotter?.lines(one.directory) ?? []),
      // Usually 5 s, in which a slow host hardly starts a program.
      ...(inHostVm() ? ["[timeouts]", '  "io.containerd.timeout.shim.cleanup" = "2m"'] : []),
    ];
    const { configuration } = options;
    if (configuration !== undefined) {
      writeFileSync(join(one.directory, "configuration.toml"), `${configuration.join("\n")}\n`);
    }
    writeFileSync(join(one.directory, "config.toml"), `${lines.join("\n")}\n`);
    await one.start();
    await one.importImage({ name: busyboxImage });
    return one;
  }

  /** Makes an image of busybox and imports it. */
  async importImage(parts: ImageParts): Promise<void> {
    const { status, stderr } = await this.ctr([
      ...(this.#options.cri === undefined ? [] : ["--namespace", "k8s.io"]),
      "images",
      "import",
      ...this.#snapshotterFlags,
      writeImage(this.directory, parts),
    ]);
    if (status !== 0) throw new Error(stderr);
  }

  /** Starts the daemon and waits until it answers. */
  async start(): Promise<void> {
    const log = openSync(this.logFile, "a");
    const env = { ...process.env, PATH: `${shimDirectory}:${process.env["PATH"]}` };
    const options = { detached: true, stdio: ["ignore", log, log], env } as const;
    const args = ["-c", join(this.directory, "config.toml")];
    const around = this.#options.around ?? ((act) => act());
    const child = around(() => spawn("containerd", args, { ...options, stdio: [...options.stdio] }));
    this.#pid = child.pid ?? 0;
    for (let looks = 0; looks < 200; looks += 1) {
      const { status } = await this.ctr(["version"], { ms: 60_000 });
      if (status === 0) return;
      await sleep(50);
    }
    throw new Error(`containerd does not answer:\n${this.log.slice(-2000)}`);
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

  /** What `ctr run` takes to run with our runtime, and the configuration if there is one. */
  get runtimeFlags(): readonly string[] {
    if (this.#options.configuration === undefined) return runtimeFlags;
    return [...runtimeFlags, "--runtime-config-path", join(this.directory, "configuration.toml")];
  }

  get #snapshotterFlags(): readonly string[] {
    const { snapshotter } = this.#options;
    return snapshotter === undefined ? [] : ["--snapshotter", snapshotter.name];
  }

  /** Runs ctr against this containerd. */
  ctr(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return runProgram("ctr", ["--address", this.address, ...args], { ms: 90_000, ...options });
  }

  /** ctr against this containerd, its input open. */
  talk(args: readonly string[]): Dialogue {
    return new Dialogue("ctr", ["--address", this.address, ...args]);
  }

  /** ctr against this containerd on a terminal of this size, whose name it prints first. */
  talkOnTerminal(args: readonly string[], size: { rows: number; columns: number }): Dialogue {
    const words = ["ctr", "--address", this.address, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
    const setup = `stty rows ${size.rows} cols ${size.columns}; tty`;
    return new Dialogue("script", ["-q", "-e", "-c", `${setup}; exec ${words.join(" ")}`, "/dev/null"]);
  }

  /** The events from now on. */
  events(): Promise<CtrEvents> {
    return CtrEvents.open(this);
  }

  /** Sets limits of a task. */
  update(id: string, resources: unknown): Promise<void> {
    return updateTask(this.address, id, resources);
  }

  /** `ctr run` with our runtime; `flags` come before the image. */
  run(id: string, flags: readonly string[], command: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const all = [...this.runtimeFlags, ...this.#snapshotterFlags, ...flags];
    return this.ctr(["run", ...all, busyboxImage, id, ...command], options);
  }

  /** All that it and its shims have logged. */
  get log(): string {
    return readFileSync(this.logFile, "utf8");
  }

  /** pid of the shim that serves a sandbox. */
  shimOf(sandbox: string): number {
    const served = [...this.log.matchAll(/the shim serves" shim=(\S+) .*?pid=(\d+)/g)];
    return Number(served.findLast(([, shim]) => shim === sandbox)?.[2]);
  }

  /** pid of the machine's VMM, a child of the shim that serves a sandbox. */
  machineOf(sandbox: string): number {
    const found = this.startedMachineOf(sandbox);
    if (found === undefined) throw new Error(`the sandbox ${sandbox} has no machine`);
    return found;
  }

  /** The same, undefined while there is none. */
  startedMachineOf(sandbox: string): number | undefined {
    const shim = this.shimOf(sandbox);
    if (!(shim > 0)) return undefined;
    const children = readProc(`${shim}/task/${shim}/children`).trim().split(" ").map(Number);
    return children.find((pid) => readProc(`${pid}/comm`).startsWith("qemu"));
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

/** A file of a process; empty when the process has gone. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ESRCH") return "";
    throw error;
  }
}
