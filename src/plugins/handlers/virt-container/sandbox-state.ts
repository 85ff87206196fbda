import type { SandboxEnvironment } from "../../../core/plugin/context.js";
import { type ContainerLimits } from "../../../core/sandbox/container-limits.js";
import { type SandboxState, stateVersion } from "../../../core/sandbox/state.js";
import type { MachineParts } from "./boot.js";
import type { Container } from "./container.js";

/** What is known of a sandbox whose machine runs. */
export interface RunningSandbox {
  readonly env: SandboxEnvironment;
  readonly parts: MachineParts;
  readonly annotations: Readonly<Record<string, string>>;
  readonly containers: Iterable<Container>;
  readonly limits: ContainerLimits;
}

/** What another shim needs to know to go on with a sandbox. */
export function sandboxState({ env, parts, annotations, containers, limits }: RunningSandbox): SandboxState {
  const { info, config } = env;
  const { hypervisor, shareFs, disks, network } = parts;
  return {
    version: stateVersion,
    namespace: info.namespace,
    sandboxId: info.id,
    ...(info.networkNamespace !== undefined && { networkNamespace: info.networkNamespace }),
    annotations,
    configuration: config.sources,
    hypervisor: { name: config.runtime.hypervisor_name, state: hypervisor.capability("adopt")?.state() },
    ...(shareFs && { shareFs: { name: config.hypervisor.shared_fs, state: shareFs.state?.() } }),
    ...(network && { network: network.state() }),
    disks: disks.state(),
    containers: [...containers].map((one) => one.state(limits.all.get(one.id) ?? {})),
  };
}
