import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultRoots } from "../src/core/runtime/roots.js";
import { createLinuxSys } from "../src/core/sys/linux/index.js";
import type { DragonballHypervisor } from "../src/plugins/hypervisors/dragonball/dragonball.js";
import { makeDragonball } from "../test/support/dragonball-machine.js";
import { machineStartTime } from "./machine-start.js";
import { needsKvm } from "./needs-kvm.js";
import type { Row } from "./row.js";
import { inTurns, median } from "./turns.js";

const rounds = 5;
const memoryMiB = 512;

type MakeMachine = () => Promise<DragonballHypervisor>;

/** Boots a machine, and saves it in a directory once its agent answers. */
async function makeTemplate(directory: string, make: MakeMachine): Promise<void> {
  const machine = await make();
  const save = async (agent: { close(): Promise<void> }) => {
    await agent.close();
    await machine.capability("pause")?.pause();
    await machine.capability("snapshot")?.save(directory);
  };
  await machineStartTime({ machine, memoryMiB, use: save });
}

/** The start of a machine in this process from a template, against its own boot, both to an agent that answers. */
export async function run(): Promise<Row[]> {
  const verdict = await needsKvm();
  const make = async () => (await makeDragonball({}, { probe: async () => verdict, roots: defaultRoots })).machine;
  /** Milliseconds from nothing to an agent that answers: by booting, or from a saved machine. */
  const startTime = async (from?: string) => machineStartTime({ machine: await make(), memoryMiB, from });
  const sys = createLinuxSys();
  const directory = mkdtempSync(join(tmpdir(), "kata-bench-template-"));
  const template = join(directory, "template");
  mkdirSync(template);
  chmodSync(template, 0o700);
  await sys.mounts.mount({ source: "kata-ts-bench", target: template, type: "tmpfs" });
  try {
    await makeTemplate(template, make);
    const times = await inTurns(rounds, { boot: () => startTime(), template: () => startTime(template) });
    const against = { name: "its own boot", value: median(times.boot) };
    const value = median(times.template);
    return [{ name: "machine from a template", value, unit: "ms", against, ratio: value / against.value, limit: 0.25 }];
  } finally {
    await sys.mounts.unmount(template, { detach: true });
    rmSync(directory, { recursive: true });
  }
}
