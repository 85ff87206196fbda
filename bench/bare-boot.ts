import { probeKvm } from "../src/core/kvm/probe.js";
import { silentLogger } from "../src/core/log.js";
import { defaultRoots } from "../src/core/runtime/roots.js";
import { loadConfig } from "../src/core/config/load.js";
import { createLinuxSys } from "../src/core/sys/linux/index.js";
import { KataAgent } from "../src/plugins/agents/kata/kata-agent.js";
import { agentSettings } from "../src/plugins/agents/kata/settings.js";
import { agentParameters } from "../src/plugins/handlers/virt-container/agent-parameters.js";
import { makeMachine, never, removeMachines } from "../test/unit/plugins/hypervisors/qemu/machine.js";

/** Whether guests run on KVM here; else they are emulated, some ten times slower. */
export async function isEmulated(): Promise<boolean> {
  return !(await probeKvm()).usable;
}

/**
 * Milliseconds of the floor under every start: the same VMM, kernel and image, with the same size and parameters, from
 * nothing to an agent that answers. No share, no sandbox, no container.
 */
export async function bareBootTime(): Promise<number> {
  const config = await loadConfig({ builtIn: true });
  const real = { probe: probeKvm, roots: defaultRoots, vsockDevice: "/dev/vhost-vsock" };
  const { machine } = await makeMachine({}, real);
  const agent = new KataAgent({ sys: createLinuxSys(), log: silentLogger, settings: agentSettings(config.agent) });
  try {
    const begin = performance.now();
    const { default_memory: memoryMiB } = config.hypervisor;
    await machine.start({ vcpus: 1, memoryMiB, kernelParameters: agentParameters(config) }, never);
    await agent.connect(machine.guestAddress, AbortSignal.timeout(120_000));
    return performance.now() - begin;
  } finally {
    await agent.destroy(new Error("the machine is measured"));
    await machine.destroy(new Error("the machine is measured"));
    removeMachines();
  }
}
