import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  builtins,
  createTask,
  defaultSpec,
  deleteTask,
  execTask,
  killTask,
  Runtime,
  startTask,
  waitTask,
} from "../src/index.js";
import { makeBusyboxRootfs } from "../test/support/rootfs.js";

/** Somewhere in a guest where scripts are run. */
export interface Shell {
  /** What a script writes; an error when it fails. */
  run(script: string): Promise<string>;
  close(): Promise<void>;
}

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
}

/** A container of busybox, in a runtime of its own. */
export class ContainerShell implements Shell {
  readonly #directory = mkdtempSync(join(tmpdir(), "kata-bench-"));
  readonly #id: string;
  readonly #runtime: Runtime;
  #count = 0;

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
  }

  static async start(options: ContainerShellOptions): Promise<ContainerShell> {
    const shell = new ContainerShell(options);
    const rootPath = join(shell.#directory, "rootfs");
    makeBusyboxRootfs(rootPath);
    const { volume, network } = options;
    const bound = { destination: "/volume", type: "bind", source: volume ?? "", options: ["rbind", "rw"] };
    const mounts = volume === undefined ? [] : [bound];
    const spec = defaultSpec({ rootPath, args: ["/bin/sleep", "100000"], mounts });
    const namespace = spec.linux?.namespaces?.find(({ type }) => type === "network");
    if (namespace !== undefined && network !== undefined) namespace.path = network;
    const id = { containerId: shell.#id, execId: "" };
    const io = { terminal: false };
    await shell.#runtime.request(createTask({ ...id, bundle: shell.#directory, spec, rootfs: [], io }));
    await shell.#runtime.request(startTask(id));
    return shell;
  }

  async run(script: string): Promise<string> {
    const file = join(this.#directory, "out");
    rmSync(file, { force: true });
    const id = { containerId: this.#id, execId: `e${++this.#count}` };
    const env = ["PATH=/bin"];
    const process = { args: ["/bin/sh", "-c", script], cwd: "/", env, terminal: false, user: { uid: 0, gid: 0 } };
    await this.#runtime.request(execTask({ ...id, process, io: { stdout: `file://${file}`, terminal: false } }));
    await this.#runtime.request(startTask(id));
    const { status } = await this.#runtime.request(waitTask(id));
    await this.#runtime.request(deleteTask(id));
    const text = readFileSync(file, "utf8");
    if (status !== 0) throw new Error(`${script} ended with ${status}: ${text}`);
    return text;
  }

  async close(): Promise<void> {
    const main = { containerId: this.#id, execId: "" };
    await this.#runtime.request(killTask({ ...main, signal: 9, all: false }));
    await this.#runtime.request(waitTask(main));
    await this.#runtime.request(deleteTask(main));
    await this.#runtime.close();
    rmSync(this.#directory, { recursive: true });
  }
}
