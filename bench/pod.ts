import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtins, createTask, defaultSpec, deleteTask, killTask, Runtime, startTask, waitTask } from "../src/index.js";
import type { OciMount, OciSpec } from "../src/core/oci/spec.js";
import type { Plugin } from "../src/core/plugin/plugin.js";
import { makeBusyboxRootfs } from "../test/support/rootfs.js";

/** How a pod's runtime is configured. */
export interface PodOptions {
  /** Short, and unlike that of any other of the process. */
  readonly name: string;
  /** Besides those that come with the runtime. */
  readonly plugins?: readonly Plugin[];
  /** Values of configuration. */
  readonly keys: Readonly<Record<string, string | number>>;
}

/** A pod with a runtime of its own, whose containers of busybox sleep. */
export class Pod {
  readonly directory = mkdtempSync(join(tmpdir(), "kata-bench-"));
  readonly #rootPath = join(this.directory, "rootfs");
  readonly #id: string;
  readonly #runtime: Runtime;

  private constructor({ name, plugins = [], keys }: PodOptions) {
    this.#id = `${name}-${process.pid}`;
    makeBusyboxRootfs(this.#rootPath);
    const added = plugins.map((plugin) => ({ plugin, origin: "the benchmark" }));
    const overrides = Object.entries(keys).map(([key, value]) => ({ key, value, name: "the benchmark" }));
    this.#runtime = new Runtime({ plugins: [...builtins, ...added], namespace: "bench", overrides });
  }

  static async start(options: PodOptions): Promise<Pod> {
    const pod = new Pod(options);
    try {
      await pod.create(pod.#id, { type: "sandbox" });
      return pod;
    } catch (error) {
      await pod.#end();
      throw error;
    }
  }

  /** What a container of it is made from. */
  spec(mounts: readonly OciMount[] = [], type = "container"): OciSpec {
    const prefix = "io.kubernetes.cri";
    const annotations = { [`${prefix}.container-type`]: type, [`${prefix}.sandbox-id`]: this.#id };
    return defaultSpec({ rootPath: this.#rootPath, args: ["/bin/sleep", "100000"], mounts, annotations });
  }

  /** Has a container run. */
  async create(
    containerId: string,
    { mounts = [], type }: { mounts?: readonly OciMount[]; type?: string } = {},
  ): Promise<void> {
    const spec = this.spec(mounts, type);
    await this.#runtime.request(
      createTask({ containerId, bundle: this.directory, spec, rootfs: [], io: { terminal: false } }),
    );
    await this.#runtime.request(startTask({ containerId, execId: "" }));
  }

  async remove(containerId: string): Promise<void> {
    const main = { containerId, execId: "" };
    await this.#runtime.request(killTask({ ...main, signal: 9, all: false }));
    await this.#runtime.request(waitTask(main));
    await this.#runtime.request(deleteTask(main));
  }

  async close(): Promise<void> {
    await this.remove(this.#id);
    await this.#end();
  }

  async #end(): Promise<void> {
    await this.#runtime.close();
    rmSync(this.directory, { recursive: true });
  }
}
