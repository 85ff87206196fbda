import { probeKvm } from "../src/core/kvm/probe.js";
import { NotMeasured } from "./row.js";

/** `NotMeasured` where KVM runs no guests: what is measured with it would be something else without. */
export async function needsKvm(): Promise<void> {
  const { usable, reason } = await probeKvm();
  if (!usable) throw new NotMeasured(`it needs a KVM that runs guests: ${reason}`);
}
