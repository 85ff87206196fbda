import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
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
import { TestPod } from "../test/support/test-pod.js";
import { BareShell } from "./bare-shell.js";
import type { Row } from "./row.js";
import { inTurns, median } from "./turns.js";

const rounds = 31;
const memoryMiB = 512;
const block = 65_536;
/** Bytes of one transfer. */
const size = 160 * block;
const pings = 40;

/** Somewhere in a guest where scripts are run. */
interface Shell {
  /** What a script writes; an error when it fails. */
  run(script: string): Promise<string>;
  close(): Promise<void>;
}

/** A container in a pod's namespace. */
class ContainerShell implements Shell {
  readonly #directory = mkdtempSync(join(tmpdir(), "kata-bench-"));
  readonly #id = `traffic-${process.pid}`;
  readonly #runtime: Runtime;
  #count = 0;

  private constructor() {
    const memory = { key: "hypervisor.qemu.default_memory", value: memoryMiB, name: "the benchmark" };
    this.#runtime = new Runtime({ plugins: builtins, namespace: "bench", overrides: [memory] });
  }

  static async start(pod: TestPod): Promise<ContainerShell> {
    const shell = new ContainerShell();
    const rootPath = join(shell.#directory, "rootfs");
    makeBusyboxRootfs(rootPath);
    const spec = defaultSpec({ rootPath, args: ["/bin/sleep", "100000"] });
    const network = spec.linux?.namespaces?.find(({ type }) => type === "network");
    if (network !== undefined) network.path = pod.namespace;
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

/** Milliseconds in which the host has received all of a transfer, from its first byte to its last. */
async function transferTime(pod: TestPod, shell: Shell): Promise<number> {
  const program = fileURLToPath(new URL("sink.js", import.meta.url));
  const sink = pod.sys.namespaces.inNetworkNamespace(pod.host, () =>
    spawn(process.execPath, [program, String(size)], { stdio: ["ignore", "pipe", "inherit"] }),
  );
  const lines = sink.stdout.setEncoding("utf8");
  const [port] = (await once(lines, "data")) as [string];
  const told = once(lines, "data") as Promise<[string]>;
  await shell.run(`dd if=/dev/zero bs=${block} count=${size / block} 2>/dev/null | nc 10.1.1.1 ${port.trim()}`);
  return Number((await told)[0]);
}

/** Milliseconds of a packet to the host and back. */
async function roundTripTime(shell: Shell): Promise<number> {
  const text = await shell.run(`ping -c ${pings} -i 0.02 -q 10.1.1.1`);
  return Number(/min\/avg\/max = [\d.]+\/([\d.]+)\//.exec(text)?.[1]);
}

/** TCP from a pod to its host, and a packet there and back, against a bare QEMU on a tap that was set up by hand. */
export async function run(): Promise<Row[]> {
  const [ownPod, barePod] = [new TestPod(), new TestPod()];
  const shells: Shell[] = [];
  try {
    const own = await ContainerShell.start(ownPod);
    shells.push(own);
    const bare = await BareShell.boot(barePod, memoryMiB);
    shells.push(bare);
    const times = await inTurns(rounds, {
      ownTransfer: () => transferTime(ownPod, own),
      bareTransfer: () => transferTime(barePod, bare),
      ownTrip: () => roundTripTime(own),
      bareTrip: () => roundTripTime(bare),
    });
    const row = (name: string, unit: string, value: number, other: number, limit: number): Row => {
      return { name, value, unit, against: { name: "bare QEMU", value: other }, ratio: value / other, limit };
    };
    const [transfer, bareTransfer] = [median(times.ownTransfer), median(times.bareTransfer)];
    const [trip, bareTrip] = [median(times.ownTrip), median(times.bareTrip)];
    return [
      row(`time for ${Math.round(size / 1e6)} MB by TCP, pod to host`, "ms", transfer, bareTransfer, 1 / 0.97),
      row("round trip, pod to host", "ms", trip, bareTrip, 1.05),
    ];
  } finally {
    for (const shell of shells) await shell.close();
    for (const pod of [ownPod, barePod]) pod.close();
  }
}
