import { readClaim } from "../src/bin/shim/claim.js";
import { defaultRoots } from "../src/core/runtime/roots.js";
import { busyboxImage, Containerd } from "../test/support/containerd.js";
import { idle, privateDirty, threadsOf } from "./process-memory.js";
import type { Row } from "./row.js";

const containers = 20;
/** Largest private memory of an idle shim, in MB. */
const memoryLimit = 12;
const roots = { run: defaultRoots.run, sockets: "/run/containerd/s" };

/** Bytes of 10^6. */
const mb = 1e6;

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
    const first = { memory: privateDirty(pid) / mb, threads: threadsOf(pid) };
    for (const id of ids.slice(1)) await start(id);
    await idle();
    const last = { memory: privateDirty(pid) / mb, threads: threadsOf(pid) };
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
