import { withDeadline } from "../../../../src/core/deadline.js";
import { silentLogger } from "../../../../src/core/log.js";
import { joinedEndpoints } from "../../../../src/core/network/joined-endpoint.js";
import { NamespaceSource } from "../../../../src/core/network/namespace-source.js";
import { PodNetwork } from "../../../../src/core/network/pod-network.js";
import { defaultRoots } from "../../../../src/core/runtime/roots.js";
import { KataAgent } from "../../../../src/plugins/agents/kata/kata-agent.js";
import { TcFilter } from "../../../../src/plugins/endpoints/network-models/tcfilter/tc-filter.js";
import type { TestPod } from "../../../support/test-pod.js";
import {
  makeMachine,
  never,
  removeMachines,
  spec,
  type TestMachine,
} from "../../../unit/plugins/hypervisors/qemu/machine.js";

/** Milliseconds an emulated guest may take, on a machine that is busy with other things too. */
const patience = 120_000;

const settings = { port: 1024, logPort: 1025, dialPause: 20, requestTime: 60_000, healthCheckTime: 10_000 };

/** The built guest, booted, with its agent connected and the network of a pod. */
export class BootedGuest {
  readonly agent: KataAgent;
  readonly #machine: TestMachine;
  readonly #network: PodNetwork;

  private constructor(machine: TestMachine, agent: KataAgent, network: PodNetwork) {
    this.#machine = machine;
    this.agent = agent;
    this.#network = network;
  }

  /** Names it in the command lines of its processes. */
  get id(): string {
    return this.#machine.id;
  }

  static async boot(pod: TestPod): Promise<BootedGuest> {
    const { guestCache } = defaultRoots;
    const made = await makeMachine({}, { roots: { guestCache, run: "/nowhere" } });
    const { machine: hypervisor } = made;
    const agent = new KataAgent({ sys: pod.sys, log: silentLogger, settings });
    const network = new PodNetwork({
      source: new NamespaceSource(pod.sys, pod.namespace),
      model: new TcFilter({ sys: pod.sys, log: silentLogger, record: pod.record }),
      drivers: [joinedEndpoints("veth", ["veth"])],
      settings: { queuePairs: 1, vhost: false, rates: {} },
      hypervisor,
      agent,
    });
    const guest = new BootedGuest(made, agent, network);
    try {
      await network.prepare(never);
      await hypervisor.start({ ...spec, memoryMiB: 256, networkNamespace: pod.namespace }, never);
      const context = () => hypervisor.consoleTail().slice(-5).join("\n");
      const what = "the guest's agent to answer";
      await withDeadline({ ms: patience, what, context }, (end) => agent.connect(hypervisor.guestAddress, end));
      await network.attach();
      return guest;
    } catch (error) {
      await guest.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.agent.close();
    await this.#machine.machine.destroy(new Error("the test is over"));
    await this.#network.cleanup();
    removeMachines();
  }
}
