import { readFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  builtins,
  createTask,
  defaultSpec,
  deleteTask,
  killTask,
  phaseDone,
  Runtime,
  shutdownTask,
  startTask,
  waitTask,
} from "../src/index.js";
import { makeBusyboxRootfs } from "../test/support/rootfs.js";

/** Starts of containers, each in a machine of its own, by the library, and how long each phase of them took. */
export class Starts {
  readonly directory = mkdtempSync(join(tmpdir(), "kata-bench-"));
  readonly phases = new Map<string, number[]>();
  readonly #rootfs = join(this.directory, "rootfs");
  #count = 0;

  constructor() {
    makeBusyboxRootfs(this.#rootfs);
  }

  /** Threads of this process while a container ran, of each start. */
  readonly threads: number[] = [];

  /** Milliseconds from the request for a container to its process running, in a network namespace if one is given. */
  async time(namespace?: string): Promise<number> {
    const containerId = `bench-${process.pid}-${++this.#count}`;
    const main = { containerId, execId: "" };
    await using runtime = new Runtime({ plugins: builtins, namespace: "bench" });
    runtime.events.subscribe(phaseDone, "bench", ({ name, ms }) => {
      this.phases.set(name, [...(this.phases.get(name) ?? []), ms]);
    });
    const spec = defaultSpec({ rootPath: this.#rootfs, args: ["/bin/sleep", "1000"] });
    const network = spec.linux?.namespaces?.find(({ type }) => type === "network");
    if (network !== undefined && namespace !== undefined) network.path = namespace;
    const begin = performance.now();
    await runtime.request(
      createTask({ containerId, bundle: this.directory, spec, rootfs: [], io: { terminal: false } }),
    );
    await runtime.request(startTask(main));
    const ms = performance.now() - begin;
    this.threads.push(Number(/^Threads:\s+(\d+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]));
    await runtime.request(killTask({ ...main, signal: 9, all: false }));
    await runtime.request(waitTask(main));
    await runtime.request(deleteTask(main));
    await runtime.request(shutdownTask({ containerId, now: false }));
    return ms;
  }

  close(): void {
    rmSync(this.directory, { recursive: true });
  }
}
