import { loadConfig } from "../src/core/config/load.js";
import type { Hypervisor } from "../src/core/contracts/hypervisor.js";
import { silentLogger } from "../src/core/log.js";
import { createLinuxSys } from "../src/core/sys/linux/index.js";
import { KataAgent } from "../src/plugins/agents/kata/kata-agent.js";
import { agentSettings } from "../src/plugins/agents/kata/settings.js";
import { agentParameters } from "../src/plugins/handlers/virt-container/agent-parameters.js";
import { removePlaces } from "../test/support/machine-place.js";

/** Milliseconds that an agent has to answer: real guests are slow on a host that is itself emulated. */
const agentMs = 300_000;

/** How a machine is started that is measured. */
export interface MachineStart {
  readonly machine: Hypervisor;
  /** `default_memory` unless told. */
  readonly memoryMiB?: number;
  /** A saved machine that it goes on from. */
  readonly from?: string | undefined;
  /** What is done with it once its agent answers. */
  readonly use?: (agent: KataAgent) => Promise<void>;
}

/** Milliseconds of a machine from its start to an agent that answers; it is ended, and its directories are removed. */
export async function machineStartTime({ machine, memoryMiB, from, use }: MachineStart): Promise<number> {
  const config = await loadConfig({ builtIn: true });
  const agent = new KataAgent({ sys: createLinuxSys(), log: silentLogger, settings: agentSettings(config.agent) });
  const spec = {
    vcpus: 1,
    memoryMiB: memoryMiB ?? config.hypervisor.default_memory,
    kernelParameters: agentParameters(config),
    ...(from !== undefined && { from }),
  };
  try {
    const begin = performance.now();
    await machine.start(spec, new AbortController().signal);
    await agent.connect(machine.guestAddress, AbortSignal.timeout(agentMs));
    const ms = performance.now() - begin;
    await use?.(agent);
    return ms;
  } finally {
    await agent.destroy(new Error("the machine is measured"));
    await machine.destroy(new Error("the machine is measured"));
    removePlaces();
  }
}
