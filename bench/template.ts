import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../src/core/config/load.js";
import { probeKvm } from "../src/core/kvm/probe.js";
import { silentLogger } from "../src/core/log.js";
import { defaultRoots } from "../src/core/runtime/roots.js";
import { createLinuxSys } from "../src/core/sys/linux/index.js";
import { KataAgent } from "../src/plugins/agents/kata/kata-agent.js";
import { agentSettings } from "../src/plugins/agents/kata/settings.js";
import { agentParameters } from "../src/plugins/handlers/virt-container/agent-parameters.js";
import { type DragonballMachine, makeDragonball } from "../test/support/dragonball-machine.js";
import { removePlaces } from "../test/support/machine-place.js";
import type { Row } from "./row.js";
import { inTurns, median } from "./turns.js";

const rounds = 5;
const memoryMiB = 512;

/** What is done with a machine whose agent answers, before it ends. */
type Use = (made: DragonballMachine, agent: KataAgent) => Promise<void>;

/** Milliseconds from nothing to an agent that answers: by booting, or from a saved machine. */
async function startTime(from?: string, use: Use = async () => undefined): Promise<number> {
  const config = await loadConfig({ builtIn: true });
  const made = await makeDragonball({}, { probe: probeKvm, roots: defaultRoots });
  const { machine } = made;
  const agent = new KataAgent({ sys: createLinuxSys(), log: silentLogger, settings: agentSettings(config.agent) });
  try {
    const begin = performance.now();
    const spec = { vcpus: 1, memoryMiB, kernelParameters: agentParameters(config) };
    const { signal } = new AbortController();
    await machine.start({ ...spec, ...(from !== undefined && { from }) }, signal);
    await agent.connect(machine.guestAddress, AbortSignal.timeout(300_000));
    const ms = performance.now() - begin;
    await use(made, agent);
    return ms;
  } finally {
    await agent.destroy(new Error("the machine is measured"));
    await machine.destroy(new Error("the machine is measured"));
    removePlaces();
  }
}

/** The start of a machine in this process from a template, against its own boot, both to an agent that answers. */
export async function run(): Promise<Row[]> {
  if (!(await probeKvm()).usable) return [];
  const sys = createLinuxSys();
  const directory = mkdtempSync(join(tmpdir(), "kata-bench-template-"));
  const template = join(directory, "template");
  mkdirSync(template);
  chmodSync(template, 0o700);
  await sys.mounts.mount({ source: "kata-ts-bench", target: template, type: "tmpfs" });
  try {
    await startTime(undefined, async ({ machine }, agent) => {
      await agent.close();
      await machine.capability("pause")?.pause();
      await machine.capability("snapshot")?.save(template);
    });
    const times = await inTurns(rounds, { boot: () => startTime(), template: () => startTime(template) });
    const against = { name: "its own boot", value: median(times.boot) };
    const value = median(times.template);
    return [{ name: "machine from a template", value, unit: "ms", against, ratio: value / against.value, limit: 0.25 }];
  } finally {
    await sys.mounts.unmount(template, { detach: true });
    rmSync(directory, { recursive: true });
  }
}
