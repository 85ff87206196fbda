import { openProcessStreams, type ProcessStreams } from "../../../core/io/process-streams.js";
import type { ProcessId, ProcessIo } from "../../../core/messages/task.js";
import type { PluginContext } from "../../../core/plugin/context.js";
import type { MachineParts } from "./boot.js";
import type { ContainerParts } from "./container.js";
import type { VirtSandbox } from "./sandbox.js";

/** What a container of a sandbox is made of. */
export function containerParts(
  { id, env }: VirtSandbox,
  { agent, shareFs, containerDisks }: MachineParts,
  own: Pick<ContainerParts, "request" | "role" | "scope">,
): ContainerParts {
  const { disable_guest_seccomp: disableSeccomp } = env.config.runtime;
  const { disable_guest_selinux: disableSelinux, disable_block_device_use } = env.config.hypervisor;
  return {
    ...own,
    sandboxId: id,
    agent,
    shareFs,
    disks: disable_block_device_use ? undefined : containerDisks,
    plugins: env.plugins,
    guestOptions: { disableSeccomp, disableSelinux },
  };
}

/** Opens the stdio of a process of a container. */
export function openStreams(
  { sys }: PluginContext,
  { env: { info, log } }: VirtSandbox,
  id: ProcessId,
  io: ProcessIo,
  bundle: string,
): Promise<ProcessStreams> {
  return openProcessStreams(io, { sys, log, bundle, namespace: info.namespace, ...id });
}
