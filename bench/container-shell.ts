import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtins, createTask, defaultSpec, deleteTask, killTask, Runtime, startTask, waitTask } from "../src/index.js";
import type { FifoEnd } from "../src/core/sys/fifos.js";
import { createLinuxSys } from "../src/core/sys/linux/index.js";
import { makeBusyboxRootfs } from "../test/support/rootfs.js";
import { type Shell, TypedShell } from "./shell.js";

/** What a container is started with. */
export interface ContainerShellOptions {
  /** Short, and unlike that of any other of the process. */
  readonly name: string;
  /** `qemu` unless told. */
  readonly hypervisor?: string;
  /** Keys of the hypervisor's table. */
  readonly keys: Readonly<Record<string, string | number>>;
  /** Path of its network namespace; none unless told. */
  readonly network?: string;
  /** A directory of the host that it has as /volume. */
  readonly volume?: string;
  /** A raw file with an ext4 that is its root, with busybox in it; a directory that is shared unless told. */
  readonly disk?: string;
}

const sys = createLinuxSys();

/**
 * Goes on from a memory file system: a program that is run from a shared directory is read again whenever any is started,
 * which would be measured with whatever it does.
 */
const begin = "/bin/cp -a /bin/* /programs/ && exec /programs/sh";

/** A container of busybox whose process is a shell, in a runtime of its own. */
export class ContainerShell implements Shell {
  readonly #directory = mkdtempSync(join(tmpdir(), "kata-bench-"));
  readonly #id: string;
  readonly #runtime: Runtime;
  readonly #streams: readonly [input: Socket, screen: Socket];
  readonly #shell: TypedShell;

  private constructor({ name, hypervisor = "qemu", keys }: ContainerShellOptions) {
    this.#id = `${name}-${process.pid}`;
    const by = "the benchmark";
    const overrides = Object.entries(keys).map(([key, value]) => ({
      key: `hypervisor.${hypervisor}.${key}`,
      value,
      name: by,
    }));
    const chosen = { key: "runtime.hypervisor_name", value: hypervisor, name: by };
    // A machine within an emulated one takes its time.
    const patience = { key: "agent.kata.reconnect_timeout_ms", value: 180_000, name: by };
    const all = [chosen, patience, ...overrides];
    this.#runtime = new Runtime({ plugins: builtins, namespace: "bench", overrides: all });
    this.#streams = [this.#fifo("stdin", "write"), this.#fifo("stdout", "read")];
    const [input, screen] = this.#streams;
    this.#shell = new TypedShell(input, screen);
  }

  static async start(options: ContainerShellOptions): Promise<ContainerShell> {
    const shell = new ContainerShell(options);
    const rootPath = join(shell.#directory, "rootfs");
    makeBusyboxRootfs(rootPath);
    const { volume, network, disk } = options;
    const rootfs = disk === undefined ? [] : [{ type: "ext4", source: disk, target: "", options: [] }];
    const bound = { destination: "/volume", type: "bind", source: volume ?? "", options: ["rbind", "rw"] };
    const programs = { destination: "/programs", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] };
    const mounts = volume === undefined ? [programs] : [programs, bound];
    const spec = defaultSpec({ rootPath, args: ["/bin/sh", "-c", begin], env: ["PATH=/programs:/bin"], mounts });
    const namespace = spec.linux?.namespaces?.find(({ type }) => type === "network");
    if (namespace !== undefined && network !== undefined) namespace.path = network;
    const id = { containerId: shell.#id, execId: "" };
    const io = { stdin: shell.#path("stdin"), stdout: shell.#path("stdout"), terminal: false };
    await shell.#runtime.request(createTask({ ...id, bundle: shell.#directory, spec, rootfs, io }));
    await shell.#runtime.request(startTask(id));
    return shell;
  }

  run(script: string): Promise<string> {
    return this.#shell.run(script);
  }

  async close(): Promise<void> {
    const main = { containerId: this.#id, execId: "" };
    await this.#runtime.request(killTask({ ...main, signal: 9, all: false }));
    await this.#runtime.request(waitTask(main));
    await this.#runtime.request(deleteTask(main));
    await this.#runtime.close();
    for (const stream of this.#streams) stream.destroy();
    rmSync(this.#directory, { recursive: true });
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }

  #fifo(name: string, end: FifoEnd): Socket {
    sys.fifos.create(this.#path(name));
    return sys.fifos.stream(this.#path(name), end);
  }
}
