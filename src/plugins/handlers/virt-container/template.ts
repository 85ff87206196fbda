import { randomBytes } from "node:crypto";
import type { Agent } from "../../../core/contracts/agent.js";
import type { Hypervisor, VmSpec } from "../../../core/contracts/hypervisor.js";
import type { TemplateStatus } from "../../../core/messages/factory.js";
import type { SandboxEnvironment } from "../../../core/plugin/context.js";
import type { Sys } from "../../../core/sys/sys.js";
import { templateErrors } from "../../../core/template/errors.js";
import { TemplateDirectory } from "../../../core/template/template-directory.js";

/** Random bytes that a guest is given: as many as its kernel has of its own. */
const entropyBytes = 64;

/** Why a machine with this configuration is not started from its template; undefined when it is. */
export async function misfit(
  hypervisor: Hypervisor,
  directory: TemplateDirectory,
  spec: VmSpec,
): Promise<TemplateStatus["reason"]> {
  const snapshot = hypervisor.capability("snapshot");
  if (snapshot === undefined) return `${hypervisor.name} cannot start machines from a template`;
  const refusal = snapshot.refusal(spec);
  if (refusal !== undefined) return refusal;
  if (!directory.there) return `nothing is mounted at ${directory.path}; run "kata-ts factory init"`;
  return snapshot.misfit(directory.path, spec);
}

/**
 * The directory of the template that a machine is to be started from; undefined when configuration wants none, or when there
 * is none that fits, which is logged with the reason.
 */
export async function chooseTemplate(
  { config, log }: SandboxEnvironment,
  sys: Pick<Sys, "mounts">,
  hypervisor: Hypervisor,
  spec: VmSpec,
): Promise<string | undefined> {
  const { enable_template, template_path } = config.hypervisor.factory;
  if (!enable_template) return undefined;
  const reason = await misfit(hypervisor, new TemplateDirectory(sys, template_path), spec);
  if (reason === undefined) return template_path;
  log.warn("the machine boots, because its template cannot be used", { template: template_path, reason });
  return undefined;
}

/** Makes a copy of a guest one of its own: it has the clock of the saved one, and would have its random numbers. */
export async function makeOwn(agent: Agent): Promise<void> {
  const clock = agent.capability("clock");
  if (clock === undefined) throw templateErrors.KATA_TEMPLATE_AGENT({ agent: agent.name });
  await clock.reseed(randomBytes(entropyBytes));
  await clock.setTime(new Date());
}
