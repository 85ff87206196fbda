import { readdirSync, readFileSync } from "node:fs";
import { readClaim } from "../src/bin/shim/claim.js";
import { defaultRoots } from "../src/core/runtime/roots.js";
import { busyboxImage, Containerd } from "../test/support/containerd.js";
import type { Row } from "./row.js";

const containers = 20;
/** Largest private memory of an idle shim, in MB. */
const memoryLimit = 12;
const roots = { run: defaultRoots.run, sockets: "/run/containerd/s" };

/** Milliseconds without a request after which a shim counts as idle: V8 gives back what a start needed after five seconds. */
const idleTime = 10_000;

function threadsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).length;
}

/** Memory of a process that nobody else uses and that was written to, in MB of 10^6 bytes. */
function privateDirty(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  return (Number(/^Private_Dirty:\s+(\d+) kB$/m.exec(text)?.[1]) * 1024) / 1e6;
}

/** Private memory and threads of a shim with one container, idle, and with twenty in its pod. */
export async function run(): Promise<Row[]> {
  const containerd = await Containerd.open();
  const sandbox = `bench-${process.pid}`;
  const ids = [sandbox, ...Array.from({ length: containers - 1 }, (_, at) => `${sandbox}-${at + 2}`)];
  const begun: string[] = [];
  const start = async (id: string): Promise<void> => {
    const role = id === sandbox ? "sandbox" : "container";
    const annotations = { "container-type": role, "sandbox-id": sandbox };
    const flags = Object.entries(annotations).flatMap(([key, value]) => [
      "--annotation",
      `io.kubernetes.cri.${key}=${value}`,
    ]);
    const command = ["run", "-d", "--runtime", "io.containerd.kata-ts.v2", ...flags, busyboxImage, id, "sleep", "1000"];
    const { status, stderr } = await containerd.ctr(command);
    if (status !== 0) throw new Error(`ctr run of ${id} ended with ${status}: ${stderr}`);
    begun.push(id);
  };
  try {
    await start(sandbox);
    const pid = readClaim(roots, { namespace: "default", sandboxId: sandbox })?.process.pid;
    if (pid === undefined) throw new Error(`no shim has claimed ${sandbox}`);
    await idle();
    const first = { memory: privateDirty(pid), threads: threadsOf(pid) };
    for (const id of ids.slice(1)) await start(id);
    await idle();
    const last = { memory: privateDirty(pid), threads: threadsOf(pid) };
    const memory = (name: string, value: number): Row => {
      const against = { name: "allowed", value: memoryLimit };
      return { name, value, unit: "MB", against, ratio: value / memoryLimit, limit: 1 };
    };
    return [
      memory("private memory of an idle shim, 1 container", first.memory),
      { ...memory(`private memory of an idle shim, ${containers} containers`, last.memory), limit: undefined },
      {
        name: `threads of a shim, ${containers} containers`,
        value: last.threads,
        unit: "",
        against: { name: "1 container", value: first.threads },
        ratio: last.threads / first.threads,
        limit: 1,
      },
    ];
  } finally {
    for (const id of begun.toReversed()) await containerd.remove(id);
    await containerd.close();
  }
}

function idle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, idleTime));
}
