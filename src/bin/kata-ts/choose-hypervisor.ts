import { memberTable } from "../../core/config/node.js";
import { type ConfigDocument, readConfig } from "../../core/config/read-config.js";
import { probeKvm } from "../../core/kvm/probe.js";
import type { KvmVerdict } from "../../core/kvm/verdict-cache.js";
import { defaultRoots } from "../../core/runtime/roots.js";

/** A hypervisor for who has not named one, and why it is that. */
export interface HypervisorChoice {
  readonly name: "dragonball" | "qemu";
  readonly why: string;
}

/** How it is chosen. */
export interface ChoiceOptions {
  /** The configuration file; searched for at the usual places when absent. */
  readonly config?: string;
  /** Whether KVM runs guests; the probe unless told. */
  readonly probe?: () => Promise<KvmVerdict>;
}

/**
 * The machine in this process where KVM runs real guests, and QEMU, which can emulate, elsewhere. Undefined when the
 * configuration has a word in it: `runtime.hypervisor_name`, or a table of any hypervisor's keys.
 */
export async function chooseHypervisor(options: ChoiceOptions = {}): Promise<HypervisorChoice | undefined> {
  const { config: path } = options;
  if (isConfigured(await readConfig(path === undefined ? {} : { path }))) return undefined;
  const probe = options.probe ?? (() => probeKvm({ cacheFile: `${defaultRoots.run}/kvm.json` }));
  const { usable, reason } = await probe();
  return usable
    ? { name: "dragonball", why: `in this process, by KVM: ${reason}` }
    : { name: "qemu", why: `emulated, which is slow: ${reason}` };
}

/** A choice as one line says it. */
export function formatChosen({ name, why }: HypervisorChoice): string {
  return `the machine is ${name}'s, ${why}`;
}

function isConfigured({ table }: ConfigDocument): boolean {
  return memberTable(table, "runtime")?.members.has("hypervisor_name") === true || table.members.has("hypervisor");
}
