import { formatOrigin } from "../../../core/config/source.js";
import { messageOf } from "../../../core/errors/error.js";
import { guestFiles } from "../../../core/hypervisor/guest-files.js";
import { probeKvm } from "../../../core/kvm/probe.js";
import type { CheckContext, HostFinding } from "../../../core/plugin/host-check.js";

function checkGuest({ config, roots }: CheckContext): HostFinding {
  const name = "guest";
  try {
    const where = (key: string) => formatOrigin(config.hypervisorOrigin(key));
    const options = { hypervisor: "dragonball", cache: roots.guestCache, where };
    const { kernel, image, initrd } = guestFiles(config.hypervisor, options);
    return { name, state: "ok", detail: [kernel, image, initrd].filter((file) => file !== undefined).join(", ") };
  } catch (error) {
    return { name, state: "missing", detail: messageOf(error), remedy: "kata-ts guest build" };
  }
}

/** What this host has of what a machine in this process needs: a guest, and KVM that runs it. Changes nothing. */
export async function checkHost(context: CheckContext): Promise<readonly HostFinding[]> {
  const { usable, reason } = await probeKvm();
  const remedy =
    "turn on virtualization in the firmware, or nested virtualization for this machine; load kvm_intel or kvm_amd; or use qemu";
  const kvm: HostFinding = usable
    ? { name: "KVM", state: "ok", detail: reason }
    : { name: "KVM", state: "missing", detail: reason, remedy };
  return [kvm, checkGuest(context)];
}
