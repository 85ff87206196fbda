import { randomBytes } from "node:crypto";
import { formatChoice } from "../../../core/config/source.js";
import type { VmSpec } from "../../../core/contracts/hypervisor.js";
import type { TemplateStatus } from "../../../core/messages/factory.js";
import type { PluginContext, SandboxEnvironment } from "../../../core/plugin/context.js";
import { templateErrors } from "../../../core/template/errors.js";
import { TemplateDirectory } from "../../../core/template/template-directory.js";
import { connectAgent, type Machine, vmSpec } from "./boot.js";
import { bootSize } from "./machine-size.js";
import { misfit } from "./template.js";

/** Bytes of a template besides the machine's memory: its state, and what a file system needs. */
const extraBytes = 8 * 2 ** 20;

/** Makes the template that configuration names, tells of it, and removes it. */
export class TemplateFactory {
  readonly #context: PluginContext;

  constructor(context: PluginContext) {
    this.#context = context;
  }

  /** Boots a machine until its agent answers, and saves it. After an error nothing is left of either. */
  init(): Promise<TemplateStatus> {
    return this.#withMachine(async (env, machine) => {
      const { config } = env;
      const { enable_template, template_path: path } = config.hypervisor.factory;
      if (!enable_template) {
        const where = formatChoice(config, `hypervisor.${config.runtime.hypervisor_name}.factory.enable_template`);
        throw templateErrors.KATA_TEMPLATE_OFF({ where });
      }
      const spec = templateSpec(env, machine);
      assertSaved(machine, spec);
      const directory = new TemplateDirectory(this.#context.sys, path);
      await directory.make(spec.memoryMiB * 2 ** 20 + extraBytes);
      try {
        await saveBooted(env, machine, spec, path);
      } catch (error) {
        await directory.remove();
        throw error;
      }
      return { path, state: "fits" };
    });
  }

  /** What there is, and whether machines are started from it. */
  status(): Promise<TemplateStatus> {
    return this.#withMachine(async (env, { hypervisor }) => {
      const { template_path: path } = env.config.hypervisor.factory;
      const directory = new TemplateDirectory(this.#context.sys, path);
      const reason = await misfit(hypervisor, directory, templateSpec(env, { hypervisor }));
      if (reason === undefined) return { path, state: "fits" };
      return { path, state: directory.there ? "does not fit" : "none", reason };
    });
  }

  /** Machines that were started from it go on. */
  async destroy(): Promise<{ readonly removed: boolean; readonly path: string }> {
    const { template_path: path } = this.#context.config.hypervisor.factory;
    return { removed: await new TemplateDirectory(this.#context.sys, path).remove(), path };
  }

  /** A machine that is in no pod, as long as `action` takes. */
  async #withMachine<T>(action: (env: SandboxEnvironment, machine: Machine) => Promise<T>): Promise<T> {
    const id = `template-${randomBytes(4).toString("hex")}`;
    const env = await this.#context.openSandbox({ id, annotations: {} });
    try {
      const { plugins, scope } = env;
      const [hypervisor, agent] = await Promise.all([plugins.chosen("hypervisor"), plugins.chosen("agent")]);
      scope.defer("virtual machine", (reason) => hypervisor.destroy(reason));
      scope.defer("agent", (reason) => agent.destroy(reason));
      return await action(env, { hypervisor, agent, shareFs: undefined });
    } finally {
      await env.scope.close();
    }
  }
}

/** A template is for machines without limits that are known: others have sizes of their own. */
const templateSpec = (env: SandboxEnvironment, { hypervisor }: Pick<Machine, "hypervisor">): VmSpec =>
  vmSpec(env, bootSize(env.config, hypervisor.capability("resize") !== undefined));

/** Nobody waits for a machine to boot that cannot be saved then. */
function assertSaved({ hypervisor }: Machine, spec: VmSpec): void {
  const reason = hypervisor.capability("snapshot")?.refusal(spec);
  if (reason !== undefined) throw templateErrors.KATA_TEMPLATE_REFUSED({ hypervisor: hypervisor.name, reason });
}

async function saveBooted(env: SandboxEnvironment, machine: Machine, spec: VmSpec, directory: string): Promise<void> {
  const { hypervisor, agent } = machine;
  const [pause, snapshot] = [hypervisor.capability("pause"), hypervisor.capability("snapshot")];
  if (pause === undefined || snapshot === undefined) {
    throw templateErrors.KATA_TEMPLATE_UNSUPPORTED({ hypervisor: hypervisor.name });
  }
  const { signal } = new AbortController();
  await hypervisor.start(spec, signal);
  await connectAgent(env, machine, signal);
  if (agent.capability("clock") === undefined) throw templateErrors.KATA_TEMPLATE_AGENT({ agent: agent.name });
  await agent.close();
  await pause.pause();
  await snapshot.save(directory);
}
