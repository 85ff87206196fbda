import { mkdtempSync, rmSync } from "node:fs";
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
import { bareBootTime, isEmulated } from "./bare-boot.js";
import type { Row } from "./row.js";
import { inTurns, median } from "./turns.js";

const rounds = 5;

/** Starts of containers, each in a machine of its own, by the library, and how long each phase of them took. */
class Starts {
  readonly directory = mkdtempSync(join(tmpdir(), "kata-bench-"));
  readonly phases = new Map<string, number[]>();
  readonly #rootfs = join(this.directory, "rootfs");
  #count = 0;

  constructor() {
    makeBusyboxRootfs(this.#rootfs);
  }

  /** Milliseconds from the request for a container to its process running. */
  async time(): Promise<number> {
    const containerId = `bench-${process.pid}-${++this.#count}`;
    const main = { containerId, execId: "" };
    await using runtime = new Runtime({ plugins: builtins, namespace: "bench" });
    runtime.events.subscribe(phaseDone, "bench", ({ name, ms }) => {
      this.phases.set(name, [...(this.phases.get(name) ?? []), ms]);
    });
    const spec = defaultSpec({ rootPath: this.#rootfs, args: ["/bin/sleep", "1000"] });
    const begin = performance.now();
    await runtime.request(
      createTask({ containerId, bundle: this.directory, spec, rootfs: [], io: { terminal: false } }),
    );
    await runtime.request(startTask(main));
    const ms = performance.now() - begin;
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

/** The start of a container, whole and by phase, against the bare boot of the same machine to an agent that answers. */
export async function run(): Promise<Row[]> {
  const starts = new Starts();
  try {
    const times = await inTurns(rounds, { start: () => starts.time(), boot: bareBootTime });
    const where = (await isEmulated()) ? "bare boot, emulated" : "bare boot, KVM";
    const against = { name: where, value: median(times.boot) };
    const row = (name: string, value: number, limit?: number): Row => {
      return { name, value, unit: "ms", against, ratio: value / against.value, limit };
    };
    const phases = [...starts.phases].map(([name, values]) => row(`phase: ${name}`, median(values)));
    return [row("start of a container in a machine of its own", median(times.start), 1.15), ...phases];
  } finally {
    starts.close();
  }
}
