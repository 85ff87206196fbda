import { probeKvm } from "../src/core/kvm/probe.js";
import { defaultRoots } from "../src/core/runtime/roots.js";
import { makeMachine } from "../test/unit/plugins/hypervisors/qemu/machine.js";
import { machineStartTime } from "./machine-start.js";

/** Whether guests run on KVM here; else they are emulated, some ten times slower. */
export async function isEmulated(): Promise<boolean> {
  return !(await probeKvm()).usable;
}

/**
 * Milliseconds of the floor under every start: the same VMM, kernel and image, with the same size and parameters, from
 * nothing to an agent that answers. No share, no sandbox, no container.
 */
export async function bareBootTime(): Promise<number> {
  const real = { probe: probeKvm, roots: defaultRoots, vsockDevice: "/dev/vhost-vsock" };
  return machineStartTime(await makeMachine({}, real));
}
