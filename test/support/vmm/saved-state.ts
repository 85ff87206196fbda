import { vcpuStructureBytes, vcpuStructures } from "../../../src/vmm/kvm/saved-vcpu.js";
import { chipBytes } from "../../../src/vmm/kvm/saved-chips.js";
import type { MachineState } from "../../../src/vmm/snapshot/machine-state.js";

const filled = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

/** A machine's state as none is, but of the form that all are. */
export function someState(changes: Partial<MachineState> = {}): MachineState {
  const structures = Object.fromEntries(
    vcpuStructures.map((name, index) => [name, filled(vcpuStructureBytes(name), index + 1)]),
  ) as Record<(typeof vcpuStructures)[number], Uint8Array>;
  const cpuid = filled(8 + 40, 3);
  new DataView(cpuid.buffer).setUint32(0, 1, true);
  return {
    processor: "none",
    memoryId: "0123456789abcdef",
    regions: [
      { address: 0, size: 8192 },
      { address: 2 ** 32, size: 4096 },
    ],
    vcpus: [{ ...structures, cpuid, tscKhz: undefined, msrs: [[0xc0000080, 2n ** 64n - 1n]] }],
    chips: {
      firstPic: filled(chipBytes.firstPic, 1),
      secondPic: filled(chipBytes.secondPic, 2),
      ioApic: filled(chipBytes.ioApic, 3),
      timer: filled(chipBytes.timer, 4),
      clock: filled(chipBytes.clock, 5),
    },
    devices: { serial: {}, virtio: [] },
    ...changes,
  };
}
