import { layout, lines, ports, portValues } from "../machine/layout.js";
import type { VirtioDevicePlace } from "./command-line.js";

/** A processor that a kernel is told of. */
export interface ProcessorDescription {
  /** Of its local APIC: 0 for the first. */
  readonly id: number;
  /** Whether it is there when the machine starts; one that is not may be added later. */
  readonly enabled: boolean;
}

/** What of the machine a kernel cannot find by itself. */
export interface MachineDescription {
  readonly processors: readonly ProcessorDescription[];
  readonly localApic: number;
  readonly ioApic: { readonly id: number; readonly address: number; readonly lines: number };
  readonly virtio: readonly VirtioDevicePlace[];
  /** A 16550 as the first serial console; absent on a machine without. */
  readonly console?: { readonly port: number; readonly size: number; readonly line: number } | undefined;
  /** Whether there is a keyboard at an i8042, which a kernel then looks for. A reset through an i8042 needs none. */
  readonly keyboard: boolean;
  /** A port, and what resets the machine when it is written there. */
  readonly reset: { readonly port: number; readonly value: number };
  /** Ports of ACPI's sleep control and sleep status registers. */
  readonly sleep: { readonly control: number; readonly status: number };
}

/** The machine as `layout` has it, with these processors and virtio devices, and what of it is left out or changed. */
export function describeMachine(
  parts: Pick<MachineDescription, "processors" | "virtio"> & Partial<MachineDescription>,
): MachineDescription {
  return {
    localApic: layout.localApic,
    ioApic: { id: 0, address: layout.ioApic, lines: lines.lastVirtio + 1 },
    console: { port: ports.console.first, size: ports.console.count, line: lines.console },
    keyboard: false,
    reset: { port: ports.reset.first, value: portValues.reset },
    sleep: { control: ports.power.first, status: ports.power.first + 1 },
    ...parts,
  };
}
