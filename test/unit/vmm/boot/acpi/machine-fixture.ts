import { describeMachine, type MachineDescription } from "../../../../../src/vmm/boot/machine-description.js";
import { virtioSlot } from "../../../../../src/vmm/machine/layout.js";

/** A machine with these numbers of processors that are there, and that may be added, and of virtio devices. */
export function machine(enabled: number, later: number, devices: number): MachineDescription {
  return describeMachine({
    processors: Array.from({ length: enabled + later }, (_, id) => ({ id, enabled: id < enabled })),
    virtio: Array.from({ length: devices }, (_, index) => {
      const slot = virtioSlot(index);
      if (slot === undefined) throw new Error(`there is no slot ${index}`);
      return { ...slot, size: 4096 };
    }),
  });
}
