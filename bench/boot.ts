import { defaultRoots } from "../src/core/runtime/roots.js";
import { makeDragonball } from "../test/support/dragonball-machine.js";
import { makeMachine } from "../test/unit/plugins/hypervisors/qemu/machine.js";
import { machineStartTime } from "./machine-start.js";
import { needsKvm } from "./needs-kvm.js";
import type { Row } from "./row.js";
import { inTurns, median } from "./turns.js";

const rounds = 3;
const memoryMiB = 256;

/** The boot of a machine in this process, against that of QEMU's smallest one; both with KVM, the same kernel and image. */
export async function run(): Promise<Row[]> {
  const verdict = await needsKvm();
  const real = { probe: async () => verdict, roots: defaultRoots };
  const microvm = { ...real, vsockDevice: "/dev/vhost-vsock" };
  const times = await inTurns(rounds, {
    own: async () => machineStartTime({ ...(await makeDragonball({}, real)), memoryMiB }),
    qemu: async () => machineStartTime({ ...(await makeMachine({ machine_type: "microvm" }, microvm)), memoryMiB }),
  });
  const against = { name: "QEMU microvm", value: median(times.qemu) };
  const value = median(times.own);
  return [
    { name: "boot to an agent that answers", value, unit: "ms", against, ratio: value / against.value, limit: 1 },
  ];
}
