import { setTimeout as sleep } from "node:timers/promises";
import { formatChoice } from "../../../core/config/source.js";
import type { Agent, SandboxSetup } from "../../../core/contracts/agent.js";
import { formatGuestAddress, guestPorts } from "../../../core/contracts/guest-address.js";
import type { Disks } from "../../../core/contracts/disks.js";
import type { GuestStorage } from "../../../core/contracts/guest.js";
import type { Hypervisor, VmSpec } from "../../../core/contracts/hypervisor.js";
import type { ShareFs } from "../../../core/contracts/share-fs.js";
import { withDeadline } from "../../../core/deadline.js";
import { DisksInCommon } from "../../../core/disks/disks-in-common.js";
import { cardSettings } from "../../../core/network/card-settings.js";
import { DanSource } from "../../../core/network/dan/dan-source.js";
import { findDanFile, type FoundDan } from "../../../core/network/dan/find-dan-file.js";
import { NamespaceSource } from "../../../core/network/namespace-source.js";
import { PodNetwork } from "../../../core/network/pod-network.js";
import type { PodNetworkSource } from "../../../core/network/pod-network-source.js";
import type { SandboxEnvironment } from "../../../core/plugin/context.js";
import type { PhaseTimer } from "../../../core/sandbox/phases.js";
import { MachineDisks } from "../../../core/disks/machine-disks.js";
import { ResourceSet } from "../../../core/sandbox/resource-set.js";
import { settleAll } from "../../../core/settle-all.js";
import type { SwapFiles } from "../../../core/swap/swap-files.js";
import type { Sys } from "../../../core/sys/sys.js";
import { agentParameters } from "./agent-parameters.js";
import { consoleText, handlerErrors } from "./errors.js";
import { findPanic } from "./guest-panic.js";
import type { BootSize } from "./machine-size.js";
import { SandboxCgroup, type SandboxCgroupParts } from "./sandbox-cgroup.js";
import { swapFiles } from "./swap.js";
import { chooseTemplate, makeOwn } from "./template.js";

/** The least time a guest gets to boot, in milliseconds, whatever `reconnect_timeout_ms` says, as in Kata. */
const leastBootTime = 10_000;

/** The time a guest gets when nobody wrote one, in milliseconds: ample, since a slow host is more frequent than a dead guest. */
const usualBootTime = 30_000;

/** Milliseconds a guest gets until its agent answers; emulation stretches them. */
function bootTime({ config }: SandboxEnvironment, slowdown: number): number {
  const written = config.origin(`agent.${config.runtime.agent_name}.reconnect_timeout_ms`).kind !== "default";
  const asked = written ? config.agent.reconnect_timeout_ms : usualBootTime;
  return Math.max(leastBootTime, asked * slowdown);
}

/** Milliseconds in which a share's failure is looked for when the machine did not start. */
const shareCauseTime = 200;

/** A machine that is up, with an agent that has made the sandbox. */
export interface Machine {
  readonly hypervisor: Hypervisor;
  readonly agent: Agent;
  readonly shareFs: ShareFs | undefined;
}

/** What the guest is told of its pod. */
export type GuestIdentity = Pick<SandboxSetup, "sandboxId" | "hostname" | "dns" | "sharedPidNamespace">;

/** The parts of a machine before it is started: containers are prepared with them while it boots. */
export interface MachineParts extends Machine {
  readonly storages: readonly GuestStorage[];
  readonly resources: ResourceSet;
  readonly disks: MachineDisks;
  /** The same, as its containers have them. */
  readonly containerDisks: Disks;
  readonly cgroup: SandboxCgroup;
  /** Absent when the pod has no network of its own. */
  readonly network: PodNetwork | undefined;
  /** Absent when the guest shall have no swap. */
  readonly swap: SwapFiles | undefined;
}

/** What of the host a machine is put on. */
export interface HostParts {
  readonly sys: Sys;
  /** See `SandboxCgroupParts`. */
  readonly cgroup: Pick<SandboxCgroupParts, "cgroupsPath" | "root" | "systemd" | "ownsProcess">;
}

/** Creates the plugins that configuration chooses and prepares the share; nothing runs in a guest yet. */
export async function prepareMachine(
  env: SandboxEnvironment,
  { sys, cgroup: wanted }: HostParts,
  phases: PhaseTimer,
  signal: AbortSignal,
): Promise<MachineParts> {
  const { plugins, scope } = env;
  const [hypervisor, agent] = await Promise.all([plugins.chosen("hypervisor"), plugins.chosen("agent")]);
  const cgroup = new SandboxCgroup({ ...wanted, env, hypervisor });
  const resources = new ResourceSet(scope);
  const disks = new MachineDisks({ hypervisor, driver: () => plugins.chosen("block-driver") });
  const shareFs = await plugins.chosen("share-fs");
  const swap = swapFiles(env, sys, hypervisor);
  const network = await createNetwork(env, sys, hypervisor, agent);
  if (swap !== undefined) await resources.prepare(swap, signal);
  // The kernel takes milliseconds to move this process, and no process is started for a network. One is for a share.
  await settleAll([
    phases.run("cgroup", () => cgroup.create()),
    ...(network === undefined ? [] : [phases.run("network", () => resources.prepare(network, signal))]),
  ]);
  const share = shareFs && (await phases.run("share", () => resources.prepare(shareFs, signal)));
  scope.defer("virtual machine", (reason) => (reason === undefined ? hypervisor.stop() : hypervisor.destroy(reason)));
  scope.defer("agent", (reason) => (reason === undefined ? agent.close() : agent.destroy(reason)));
  for (const device of share?.devices ?? []) await hypervisor.addDevice(device);
  const containerDisks = new DisksInCommon(disks);
  const storages = share?.storages ?? [];
  return { hypervisor, agent, shareFs, disks, containerDisks, cgroup, network, resources, storages, swap };
}

/**
 * The pod's network, when it has one: what its DAN file says, or else what is in the namespace that the spec names, with a
 * model that joins links. Without either there are no links, and any model will do.
 */
export async function createNetwork(
  { info, config, plugins, log }: SandboxEnvironment,
  sys: Sys,
  hypervisor: Hypervisor,
  agent: Agent,
): Promise<PodNetwork | undefined> {
  const { dan_conf } = config.runtime;
  const dan = findDanFile(dan_conf, info.id, formatChoice(config, "runtime.dan_conf"));
  const source = networkSource(info, sys, dan);
  if (source === undefined) return undefined;
  const model = await plugins.chosen("network-model");
  if (!model.attaches) {
    if (dan !== undefined)
      log.warn("the pod has no network, whatever its DAN file says", { model: model.name, ...dan });
    return undefined;
  }
  const drivers = await plugins.all("endpoint");
  const settings = cardSettings(config.hypervisor);
  return new PodNetwork({ source, model, drivers, settings, hypervisor, agent });
}

/** A DAN file goes before the namespace, of which nothing is looked at then but the taps it names. */
function networkSource(
  { networkNamespace: namespace }: SandboxEnvironment["info"],
  sys: Sys,
  dan: FoundDan | undefined,
): PodNetworkSource | undefined {
  if (dan !== undefined) return new DanSource(sys, dan, namespace);
  return namespace === undefined ? undefined : new NamespaceSource(sys, namespace);
}

/** Settles, with an error, when the machine or its share ends by itself. */
export async function machineFailure(machine: Machine, sandboxId: string): Promise<Error> {
  const { hypervisor, shareFs } = machine;
  return Promise.race([
    hypervisor.exited.then((exit) => {
      const console = hypervisor.consoleTail();
      const panic = findPanic(console);
      if (panic !== undefined) return handlerErrors.KATA_GUEST_PANIC({ sandbox: sandboxId, ...panic });
      const how = exit.why ?? (exit.signal === undefined ? `exit code ${exit.code}` : `signal ${exit.signal}`);
      return handlerErrors.KATA_VM_DIED({ sandbox: sandboxId, how, console });
    }),
    ...(shareFs === undefined
      ? []
      : [shareFs.failed.then((cause) => handlerErrors.KATA_SHARE_LOST({ sandbox: sandboxId }, { cause }))]),
  ]);
}

/** A share that fails breaks the machine's start as well, and says better what is wrong. */
async function throwStartFailure({ shareFs }: Machine, sandbox: string, error: unknown): Promise<never> {
  const cause = await Promise.race([shareFs?.failed, sleep(shareCauseTime, undefined, { ref: false })]);
  throw cause === undefined ? error : handlerErrors.KATA_SHARE_LOST({ sandbox }, { cause });
}

/** What configuration starts a sandbox's machine with. */
export function vmSpec({ config, info }: SandboxEnvironment, { vcpus, memoryMiB, fixedSize }: BootSize): VmSpec {
  return {
    vcpus,
    memoryMiB,
    fixedSize,
    kernelParameters: agentParameters(config),
    ...(info.networkNamespace !== undefined && { networkNamespace: info.networkNamespace }),
  };
}

/** Waits until the agent answers; the machine runs. */
export async function connectAgent(env: SandboxEnvironment, machine: Machine, signal: AbortSignal): Promise<void> {
  const { hypervisor, agent } = machine;
  const ms = bootTime(env, hypervisor.slowdown);
  const address = formatGuestAddress(hypervisor.guestAddress, guestPorts.agent);
  const what = `the agent at ${address} to answer ([agent.${env.config.runtime.agent_name}] reconnect_timeout_ms)`;
  const context = () => `the guest has not come up${consoleText(hypervisor.consoleTail())}`;
  const connecting = withDeadline({ ms, what, context }, (deadline) =>
    agent.connect(hypervisor.guestAddress, AbortSignal.any([deadline, signal])),
  );
  const failure = machineFailure(machine, env.info.id).then((error) => Promise.reject(error));
  await Promise.race([connecting, failure]);
}

/** Starts the machine, from its template if there is one, waits for its agent, and has the sandbox made in the guest. */
export async function bootMachine(
  env: SandboxEnvironment,
  sys: Sys,
  machine: MachineParts,
  size: BootSize,
  identity: GuestIdentity,
  phases: PhaseTimer,
  signal: AbortSignal,
): Promise<void> {
  const { config, info } = env;
  const booted = vmSpec(env, size);
  const from = await chooseTemplate(env, sys, machine.hypervisor, booted);
  const start = { ...booted, ...(from !== undefined && { from }) };
  await phases.run("vmm", () =>
    machine.hypervisor.start(start, signal).catch((error: unknown) => throwStartFailure(machine, info.id, error)),
  );
  await machine.cgroup.machineStarted();
  await phases.run("guest boot", () => connectAgent(env, machine, signal));
  if (from !== undefined) await phases.run("a guest of its own", () => makeOwn(machine.agent));
  await phases.run("sandbox in the guest", async () => {
    await machine.resources.attach(signal);
    await machine.agent.createSandbox({
      ...identity,
      storages: machine.storages,
      guestHookPath: config.hypervisor.guest_hook_path,
      kernelModules: config.agent.kernel_modules.map(parseKernelModule),
    });
  });
}

/** Splits Kata's `"name parameter=value …"`. */
function parseKernelModule(text: string): { name: string; parameters: string[] } {
  const [name = "", ...parameters] = text.trim().split(/\s+/);
  return { name, parameters };
}
