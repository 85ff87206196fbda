import { loadConfig } from "../src/core/config/load.js";
import type { Hypervisor } from "../src/core/contracts/hypervisor.js";
import { probeKvm } from "../src/core/kvm/probe.js";
import { silentLogger } from "../src/core/log.js";
import { defaultRoots } from "../src/core/runtime/roots.js";
import { createLinuxSys } from "../src/core/sys/linux/index.js";
import { KataAgent } from "../src/plugins/agents/kata/kata-agent.js";
import { agentSettings } from "../src/plugins/agents/kata/settings.js";
import { agentParameters } from "../src/plugins/handlers/virt-container/agent-parameters.js";
import { makeDragonball } from "../test/support/dragonball-machine.js";
import { removePlaces } from "../test/support/machine-place.js";
import { makeMachine } from "../test/unit/plugins/hypervisors/qemu/machine.js";
import type { Row } from "./row.js";
import { inTurns, median } from "./turns.js";

const rounds = 3;
const memoryMiB = 256;
const real = { probe: probeKvm, roots: defaultRoots };

/** Milliseconds of a machine from its start to an agent that answers. */
async function bootTime({ machine }: { readonly machine: Hypervisor }): Promise<number> {
  const config = await loadConfig({ builtIn: true });
  const agent = new KataAgent({ sys: createLinuxSys(), log: silentLogger, settings: agentSettings(config.agent) });
  const { signal } = new AbortController();
  try {
    const begin = performance.now();
    await machine.start({ vcpus: 1, memoryMiB, kernelParameters: agentParameters(config) }, signal);
    await agent.connect(machine.guestAddress, AbortSignal.timeout(300_000));
    return performance.now() - begin;
  } finally {
    await agent.destroy(new Error("the machine is measured"));
    await machine.destroy(new Error("the machine is measured"));
    removePlaces();
  }
}

/** The boot of a machine in this process, against that of QEMU's smallest one; both with KVM, the same kernel and image. */
export async function run(): Promise<Row[]> {
  if (!(await probeKvm()).usable) return [];
  const microvm = { ...real, vsockDevice: "/dev/vhost-vsock" };
  const times = await inTurns(rounds, {
    own: async () => bootTime(await makeDragonball({}, real)),
    qemu: async () => bootTime(await makeMachine({ machine_type: "microvm" }, microvm)),
  });
  const against = { name: "QEMU microvm", value: median(times.qemu) };
  const value = median(times.own);
  return [
    { name: "boot to an agent that answers", value, unit: "ms", against, ratio: value / against.value, limit: 1 },
  ];
}
