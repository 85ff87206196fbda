import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inHostVm } from "./host-vm/needs-host-vm.js";
import { readClaim, type ShimClaim } from "../../src/bin/shim/claim.js";
import type { ShimRoots } from "../../src/bin/shim/layout.js";
import { codeOf } from "../../src/core/errors/error.js";
import { isRunning, type ProcessIdentity } from "../../src/core/process/identity.js";
import { Options } from "../../src/core/proto/gen/containerd/runtime-options.js";
import { CreateTaskRequest, TaskDefinition } from "../../src/core/proto/gen/containerd/task.js";
import { createClient } from "../../src/core/rpc/client.js";
import { ClientConnection } from "../../src/core/rpc/client-connection.js";
import { connect } from "../../src/core/rpc/connect.js";
import type { Client } from "../../src/core/rpc/definition.js";
import { type Finished, type RunOptions, runProgram } from "./program.js";

const built = fileURLToPath(new URL("../../shim", import.meta.url));
const memoryHandler = fileURLToPath(new URL("../fixtures/shim/memory-handler.js", import.meta.url));
const programName = "containerd-shim-kata-ts-v2";

/** Annotations as the CRI writes them. */
export const podAnnotations = (type: "sandbox" | "container", sandbox: string): Record<string, string> => ({
  "io.kubernetes.cri.container-type": type,
  "io.kubernetes.cri.sandbox-id": sandbox,
});

/** A bundle as containerd makes it. */
export class Bundle {
  readonly path: string;
  readonly #log: number;

  constructor(path: string) {
    this.path = path;
    mkdirSync(join(path, "rootfs"), { recursive: true });
    execFileSync("mkfifo", ["-m", "700", join(path, "log")]);
    // As containerd does: without it what the shim writes would be gone with the shim.
    this.#log = openSync(join(path, "log"), constants.O_RDWR | constants.O_NONBLOCK);
  }

  /** Writes a config.json for a command, or the given text as it is. */
  configure(config: string | { args?: readonly string[]; annotations?: Record<string, string> }): this {
    const spec = (parts: { args?: readonly string[]; annotations?: Record<string, string> }) => ({
      ociVersion: "1.0.2",
      process: { user: { uid: 0, gid: 0 }, args: parts.args ?? ["true"], cwd: "/" },
      root: { path: "rootfs" },
      annotations: parts.annotations ?? {},
    });
    const text = typeof config === "string" ? config : JSON.stringify(spec(config));
    writeFileSync(join(this.path, "config.json"), text);
    return this;
  }

  get address(): string | undefined {
    const path = join(this.path, "address");
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
  }

  /** What the shim wrote to its log since the last call. */
  log(): string {
    const buffer = Buffer.alloc(1 << 16);
    try {
      return buffer.toString("utf8", 0, readSync(this.#log, buffer));
    } catch (error) {
      if (codeOf(error) === "EAGAIN") return "";
      throw error;
    }
  }

  close(): void {
    closeSync(this.#log);
  }
}

/** This build's shim on directories of its own, with a handler that has no machines unless a configuration says otherwise. */
export class ShimFixture {
  readonly directory = mkdtempSync(join(tmpdir(), "kts-"));
  readonly roots: ShimRoots = { run: join(this.directory, "run"), sockets: join(this.directory, "s") };
  readonly program = join(this.directory, programName);
  readonly mainFile = join(built, "main.cjs");
  readonly namespace = "test";
  /** Selects the handler; see `test/fixtures/shim/memory-handler.ts`. */
  readonly configuration = join(this.directory, "configuration.toml");
  readonly #bundles = new Map<string, Bundle>();
  readonly #connections: ClientConnection[] = [];
  readonly #shims: ProcessIdentity[] = [];

  constructor(configuration = `plugins = ["${memoryHandler}"]\n[runtime]\nname = "memory"\n`) {
    const text = readFileSync(join(built, programName), "utf8");
    const launcher = text
      .replace(/^run=.*$/m, `run='${this.roots.run}'`)
      .replace(/^sockets=.*$/m, `sockets='${this.roots.sockets}'`);
    writeFileSync(this.program, launcher);
    chmodSync(this.program, 0o755);
    symlinkSync(this.mainFile, join(this.directory, "main.cjs"));
    writeFileSync(this.configuration, configuration);
  }

  /** The bundle of a container; made at the first call. */
  bundle(id: string): Bundle {
    let bundle = this.#bundles.get(id);
    if (bundle === undefined) this.#bundles.set(id, (bundle = new Bundle(join(this.directory, "bundles", id))));
    return bundle;
  }

  flags(id: string): string[] {
    const common = ["-namespace", this.namespace, "-address", "/x/c.sock", "-publish-binary", "/usr/bin/containerd"];
    return [...common, "-id", id];
  }

  /** Runs `start` in the bundle, which has the given config.json unless it has one already. */
  async start(id: string, options: RunOptions = {}): Promise<Finished> {
    const bundle = this.bundle(id);
    if (!existsSync(join(bundle.path, "config.json"))) bundle.configure({});
    const finished = await runProgram(this.program, [...this.flags(id), "start"], {
      cwd: bundle.path,
      // On a host that is itself emulated a take-over alone has been seen to take as long as that.
      ms: inHostVm() ? 120_000 : 20_000,
      ...options,
    });
    this.noteShims();
    return finished;
  }

  delete(id: string, options: RunOptions = {}): Promise<Finished> {
    const { path } = this.bundle(id);
    const args = [...this.flags(id), "-bundle", path, "delete"];
    return runProgram(this.program, args, { cwd: path, ms: 60_000, ...options });
  }

  /** Remembers the shims that run, to be ended with the fixture. */
  noteShims(): void {
    const directory = join(this.roots.run, ".shim", this.namespace);
    if (!existsSync(directory)) return;
    for (const id of readdirSync(directory)) {
      const claim = this.claim(id);
      if (claim !== undefined) this.#shims.push(claim.process);
    }
  }

  claim(id: string): ShimClaim | undefined {
    return readClaim(this.roots, { namespace: this.namespace, sandboxId: id });
  }

  /** The process that serves a sandbox. */
  shim(id: string): ProcessIdentity {
    const claim = this.claim(id);
    if (claim === undefined) throw new Error(`there is no shim of ${id}`);
    return claim.process;
  }

  /** A new connection to a shim, as containerd makes one for each container. */
  async client(id: string): Promise<Client<typeof TaskDefinition>> {
    const path = (this.bundle(id).address ?? "").replace("unix://", "");
    const socket = await connect({ path, peer: "the shim", deadlineMs: 5000 });
    const connection = new ClientConnection(socket, { peer: "the shim" });
    this.#connections.push(connection);
    return createClient(TaskDefinition, connection);
  }

  /** Starts the shim of a container, or joins its pod's, and creates and starts the container. */
  async run(id: string, args: readonly string[], annotations: Record<string, string> = {}) {
    this.bundle(id).configure({ args, annotations });
    const started = await this.start(id);
    if (started.status !== 0) throw new Error(started.stderr);
    const client = await this.client(id);
    await client.create(this.createRequest(id));
    await client.start({ id, execId: "" });
    return client;
  }

  createRequest(id: string): CreateTaskRequest {
    const options = Options.fromPartial({ configPath: this.configuration });
    return CreateTaskRequest.fromPartial({
      id,
      bundle: this.bundle(id).path,
      options: { typeUrl: "runtimeoptions.v1.Options", value: Options.encode(options).finish() },
    });
  }

  /** Waits until a process has ended. */
  async gone(process: ProcessIdentity): Promise<void> {
    for (let looks = 0; isRunning(process); looks++) {
      if (looks > 1000) throw new Error(`the process ${process.pid} does not end`);
      await sleep(10);
    }
  }

  /** Everything below the run root and the sockets' directory, files of locks too. */
  leftovers(): string[] {
    return [this.roots.run, this.roots.sockets].flatMap((root) =>
      existsSync(root) ? (readdirSync(root, { recursive: true }) as string[]).map((path) => join(root, path)) : [],
    );
  }

  close(): void {
    this.noteShims();
    for (const connection of this.#connections) connection.destroy(new Error("the test is over"));
    for (const shim of this.#shims) if (isRunning(shim)) process.kill(shim.pid, "SIGKILL");
    for (const bundle of this.#bundles.values()) bundle.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** A directory for PATH with what the launcher itself needs, and no node: what works with it was not handed over. */
  pathWithoutNode(): string {
    const directory = join(this.directory, "tools");
    if (!existsSync(directory)) {
      mkdirSync(directory);
      for (const tool of ["grep", "cat", "readlink"]) symlinkSync(`/usr/bin/${tool}`, join(directory, tool));
    }
    return directory;
  }

  /** Runs the program behind the launcher as a child, so that its exit can be seen. */
  spawnMain(id: string): ChildProcess {
    const { run, sockets } = this.roots;
    const args = [this.mainFile, run, sockets, ...this.flags(id), "start"];
    return spawn(process.execPath, args, { cwd: this.bundle(id).path, stdio: ["ignore", "pipe", "pipe"] });
  }
}
