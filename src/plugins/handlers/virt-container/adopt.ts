import type { Hypervisor } from "../../../core/contracts/hypervisor.js";
import type { ShareFs } from "../../../core/contracts/share-fs.js";
import { withDeadline } from "../../../core/deadline.js";
import { describeError } from "../../../core/errors/error.js";
import type { PodNetwork } from "../../../core/network/pod-network.js";
import { DisksInCommon } from "../../../core/disks/disks-in-common.js";
import type { SandboxEnvironment } from "../../../core/plugin/context.js";
import { removeRunDirectory } from "../../../core/runtime/run-directory.js";
import { MachineDisks } from "../../../core/disks/machine-disks.js";
import { ResourceSet } from "../../../core/sandbox/resource-set.js";
import { stateErrors } from "../../../core/sandbox/state-errors.js";
import type { PartState, SandboxState } from "../../../core/sandbox/state.js";
import { undoRecord } from "../../../core/sandbox/undo-record.js";
import type { Sys } from "../../../core/sys/sys.js";
import { createNetwork, type HostParts, type MachineParts } from "./boot.js";
import { SandboxCgroup } from "./sandbox-cgroup.js";
import { adoptSwap, swapFiles } from "./swap.js";

/** Milliseconds the agent of a guest that runs may take to answer; emulation stretches them. */
const answerTime = 5_000;

/** A machine that was taken over, and how to let go of it again. */
export interface AdoptedMachine {
  readonly parts: MachineParts;
  /** Lets go of the machine and of its agent, which go on. */
  release(reason: unknown): Promise<void>;
}

/**
 * Takes over the machine of a sandbox whose shim was killed: its hypervisor, its share, its agent. At the sandbox's end they
 * are undone as ever; what nobody has taken over is undone after them as the sandbox's record has it. When this fails
 * nothing has changed, but for what was deferred to the scope: that is to be abandoned.
 */
export async function adoptMachine(
  env: SandboxEnvironment,
  state: SandboxState,
  { sys, cgroup: wanted }: HostParts,
  signal: AbortSignal,
): Promise<AdoptedMachine> {
  const { config, plugins, scope, info } = env;
  assertName("the hypervisor", state.hypervisor, config.runtime.hypervisor_name);
  scope.defer("run directory", () => removeRunDirectory(sys, info.runDirectory));
  scope.defer("what the record names", async () => {
    const errors = await undoRecord(sys, info.record.content);
    if (errors.length > 0) throw new AggregateError(errors, `undoing what is on record of the sandbox "${info.id}"`);
  });
  const hypervisor = await plugins.chosen("hypervisor");
  const agent = await plugins.chosen("agent");
  const adopting = hypervisor.capability("adopt");
  if (adopting === undefined) {
    const problem = "it is a part of the shim, and ends with that";
    throw stateErrors.KATA_RECOVER_PART({ what: `a machine of ${hypervisor.name}`, problem });
  }
  const release = async (reason: unknown): Promise<void> => {
    adopting.release();
    await agent.destroy(reason);
  };
  try {
    await adopting.adopt(state.hypervisor.state, signal);
    const disks = new MachineDisks({ hypervisor, driver: () => plugins.chosen("block-driver") });
    disks.adopt(state.disks);
    const swap = swapFiles(env, sys, hypervisor);
    if (swap !== undefined) await adoptSwap(swap, disks, state.disks.there);
    const cgroup = new SandboxCgroup({ ...wanted, env, hypervisor });
    await cgroup.adopt();
    const resources = new ResourceSet(scope);
    const network = await adoptNetwork(env, state, sys, { hypervisor, agent }, resources);
    const shareFs = await adoptShare(env, state.shareFs, resources);
    scope.defer("virtual machine", (reason) => (reason === undefined ? hypervisor.stop() : hypervisor.destroy(reason)));
    scope.defer("agent", (reason) => (reason === undefined ? agent.close() : agent.destroy(reason)));
    const ms = answerTime * hypervisor.slowdown;
    const what = "the agent of a guest that runs to answer";
    await withDeadline({ ms, what }, (deadline) =>
      Promise.race([
        agent.connect(hypervisor.guestAddress, AbortSignal.any([deadline, signal])),
        endOf(hypervisor, info.id),
      ]),
    );
    // Its answer tells what the agent does with the output of processes that have ended, before any of them is waited for.
    await agent.guestDetails();
    const containerDisks = new DisksInCommon(disks);
    const common = { network, resources, swap, storages: [] };
    return { parts: { ...common, hypervisor, agent, shareFs, disks, containerDisks, cgroup }, release };
  } catch (error) {
    await release(error);
    throw error;
  }
}

async function endOf(hypervisor: Hypervisor, sandbox: string): Promise<never> {
  await hypervisor.exited;
  const problem = "it ended meanwhile";
  throw stateErrors.KATA_RECOVER_PART({ what: `the machine of the sandbox "${sandbox}"`, problem });
}

/**
 * The pod's network, followed from here on. That it cannot be is no reason to give the sandbox up: the cards go on, and their
 * joints are undone as the record has them.
 */
async function adoptNetwork(
  env: SandboxEnvironment,
  { network: state }: SandboxState,
  sys: Sys,
  { hypervisor, agent }: Pick<MachineParts, "hypervisor" | "agent">,
  resources: ResourceSet,
): Promise<PodNetwork | undefined> {
  if (state === undefined) return undefined;
  try {
    const network = await createNetwork(env, sys, hypervisor, agent);
    if (network !== undefined) await resources.adopt(network, state);
    return network;
  } catch (error) {
    const what = "links that the pod gets or loses from now on are not followed";
    env.log.warn(what, { error: describeError(error) });
    return undefined;
  }
}

async function adoptShare(
  { config, plugins }: SandboxEnvironment,
  state: PartState | undefined,
  resources: ResourceSet,
): Promise<ShareFs | undefined> {
  if (state === undefined) return undefined;
  assertName("the shared directory", state, config.hypervisor.shared_fs);
  const shareFs = await plugins.chosen("share-fs");
  if (shareFs === undefined) return undefined;
  await resources.adopt(shareFs, state.state);
  return shareFs;
}

/** The configuration is the one that the sandbox was made with, unless the program itself overrides it. */
function assertName(what: string, { name }: PartState, chosen: string): void {
  if (name === chosen) return;
  const problem = `it was made by the plugin "${name}", and "${chosen}" is configured`;
  throw stateErrors.KATA_RECOVER_PART({ what, problem });
}
