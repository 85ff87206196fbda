import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MachineShim } from "../test/support/machine-shim.js";
import { runKataTs } from "../test/support/program.js";
import { needsKvm } from "./needs-kvm.js";
import {
  familyOf,
  idle,
  mappingsOf,
  type ProcessMapping,
  privateDirty,
  type TouchedMemory,
  touchedMemory,
} from "./process-memory.js";
import type { Row } from "./row.js";

const mib = 2 ** 20;
/** Bytes of 10^6. */
const mb = 1e6;
const memoryMiB = 512;

/** Milliseconds to make a template: real guests are slow on a host that is itself emulated. */
const templateMs = 300_000;

/** Milliseconds until sandboxes are idle on such a host. */
const idleMs = 30_000;

/** A guest's whole memory: the shim's has no file, that of QEMU one that the daemon maps too which serves its files. */
const isGuest = ({ name, size }: ProcessMapping): boolean =>
  size === memoryMiB * mib && (name === "" || name.startsWith("/memfd:memory-backend-memfd "));

/** Configuration of a machine in the shim's process that serves its files itself. */
const inShim = [
  "[runtime]",
  'hypervisor_name = "dragonball"',
  "[agent.kata]",
  "reconnect_timeout_ms = 300000",
  "[hypervisor.dragonball]",
  'shared_fs = "inline-virtio-fs"',
  `default_memory = ${memoryMiB}`,
];

/** Of one of QEMU, whose files a virtiofsd serves. */
const inQemu = [
  'shared_fs = "virtio-fs"',
  `default_memory = ${memoryMiB}`,
  "[agent.kata]",
  "reconnect_timeout_ms = 300000",
];

/** Processes of a sandbox with one container that sleeps. */
async function startSandbox(shim: MachineShim, id: string): Promise<number[]> {
  await shim.launch(id, ["sleep", "1000"]);
  return familyOf(shim.shim(id).pid);
}

/** Where a process has a guest's whole memory mapped; an error when that is not what it should be. */
function guestMapping(pid: number): ProcessMapping {
  const found = mappingsOf(pid).filter(isGuest);
  const [mapping] = found;
  if (mapping === undefined || found.length > 1) {
    throw new Error(
      `the process ${pid} has not one mapping of ${memoryMiB} MiB for its guest: ${JSON.stringify(found)}`,
    );
  }
  return mapping;
}

/** Bytes that processes have for themselves and have written to, without those of their guest. */
function ownMemory(pids: readonly number[]): number {
  const guests = pids.flatMap((pid) => mappingsOf(pid).filter(isGuest));
  const all = pids.reduce((sum, pid) => sum + privateDirty(pid), 0);
  return all - guests.reduce((sum, { privateDirty: dirty }) => sum + dirty, 0);
}

const commandOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, "latin1").trim();

/** A program whose threads, as many as those of a machine with one processor, have nothing to do. */
const idleThreads = `
  const { Worker } = require("node:worker_threads");
  const resourceLimits = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 };
  const work = "setInterval(() => undefined, 1e6); require('node:worker_threads').parentPort.postMessage(0)";
  for (const _ of [1, 2]) new Worker(work, { eval: true, resourceLimits }).once("message", () => console.log("runs"));
`;

/** Bytes that Node alone has for itself with such threads: no machine of ours can have less. */
async function leastMemory(): Promise<number> {
  const program = spawn(process.execPath, ["--v8-pool-size=0", "-e", idleThreads], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    let said = "";
    for await (const piece of program.stdout) if ((said += String(piece)).split("runs").length > 2) break;
    await idle();
    return privateDirty(program.pid ?? 0);
  } finally {
    program.kill("SIGKILL");
  }
}

/** The private memory of all that runs for one sandbox, the machine in its shim against QEMU and a virtiofsd. */
async function idleSandbox(): Promise<{ rows: Row[]; booted: TouchedMemory }> {
  const [own, other] = [new MachineShim(inShim), new MachineShim(inQemu)];
  try {
    // In this order, so that it is never ours that has been idle for longer.
    const family = await startSandbox(other, "other");
    const shim = await startSandbox(own, "own");
    const [pid = 0] = shim;
    const commands = family.map(commandOf);
    const machine = family.find((_, at) => commands[at]?.startsWith("qemu-system"));
    if (shim.length !== 1 || machine === undefined || !commands.includes("virtiofsd")) {
      throw new Error(
        `not a shim alone, and a shim with QEMU and virtiofsd: ${shim.map(commandOf).join()}; ${commands.join()}`,
      );
    }
    await idle(idleMs);
    const booted = touchedMemory(pid, guestMapping(pid));
    guestMapping(machine);
    const value = ownMemory(shim) / mb;
    const against = { name: `shim, QEMU, virtiofsd: ${family.length} processes`, value: ownMemory(family) / mb };
    const least = (await leastMemory()) / mb;
    const row = (name: string, own: number, limit: number | undefined): Row => ({
      name,
      value: own,
      unit: "MB",
      against,
      ratio: own / against.value,
      limit,
    });
    const rows = [
      row("private memory of an idle sandbox, its guest's excluded", value, 0.5),
      row("of that: Node itself, with as many threads that do nothing", least, undefined),
    ];
    return { rows, booted };
  } finally {
    await own.end();
    await other.end();
  }
}

/** Where a process has the memory of a guest that goes on from a template, mapped from the template's file. */
function templateMapping(pid: number, file: string): Pick<ProcessMapping, "start" | "size"> {
  const first = mappingsOf(pid).find(({ name }) => name === file);
  if (first === undefined) throw new Error(`the shim ${pid} has not mapped ${file}: its machine has booted`);
  // What is not in the file lies between, as memory without a name, which the kernel may have joined with other such.
  return { start: first.start - first.offset, size: memoryMiB * mib };
}

/** What a second sandbox of the same template has of its guest's memory for itself. */
async function secondOfTemplate(booted: TouchedMemory): Promise<Row> {
  const directory = mkdtempSync(join(tmpdir(), "kata-bench-template-"));
  const template = join(directory, "template");
  const factoryKeys = ["[hypervisor.dragonball.factory]", "enable_template = true", `template_path = "${template}"`];
  const shim = new MachineShim([...inShim, ...factoryKeys]);
  const factory = async (action: string): Promise<void> => {
    const { status, stdout, stderr } = await runKataTs(["factory", action, "--config", shim.configuration], {
      ms: templateMs,
    });
    if (status !== 0) throw new Error(`kata-ts factory ${action} ended with ${status}: ${stdout}${stderr}`);
  };
  try {
    await factory("init");
    await startSandbox(shim, "first");
    const [pid = 0] = await startSandbox(shim, "second");
    await idle(idleMs);
    const value = touchedMemory(pid, templateMapping(pid, join(template, "memory"))).own / mb;
    const against = { name: "all that one has touched which booted", value: booted.present / mb };
    return {
      name: "guest memory that a second sandbox of a template adds",
      value,
      unit: "MB",
      against,
      ratio: value / against.value,
      limit: undefined,
    };
  } finally {
    await shim.clear();
    await factory("destroy");
    shim.close();
    rmSync(directory, { recursive: true });
  }
}

/**
 * Memory of sandboxes whose machine is in the shim. Private is what nobody else has and was written to: files' pages that
 * are not, programs say, are the host's to take back. Page tables of the kernel are nobody's here.
 */
export async function run(): Promise<Row[]> {
  await needsKvm();
  const { rows, booted } = await idleSandbox();
  return [...rows, await secondOfTemplate(booted)];
}
