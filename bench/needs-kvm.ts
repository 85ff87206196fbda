import { probeKvm } from "../src/core/kvm/probe.js";
import type { KvmVerdict } from "../src/core/kvm/verdict-cache.js";
import { NotMeasured } from "./row.js";

/**
 * `NotMeasured` where KVM runs no guests: what is measured with it would be something else without. Answers what was found,
 * which a runtime keeps until its host boots again: no start is to be measured with a probe in it.
 */
export async function needsKvm(): Promise<KvmVerdict> {
  const verdict = await probeKvm();
  if (!verdict.usable) throw new NotMeasured(`it needs a KVM that runs guests: ${verdict.reason}`);
  return verdict;
}
