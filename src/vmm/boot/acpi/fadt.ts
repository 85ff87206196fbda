import { concat, u8, u16, u32, u64 } from "../bytes.js";
import type { MachineDescription } from "../machine-description.js";
import { acpiTable, tableHeaderSize } from "./table.js";

/** Bytes of the table, and its version: 6.3 is the first by which processors may be added that were not there at first. */
const size = 276;
const revision = { major: 6, minor: 3 } as const;

/** Offsets in it (ACPI 6.3, table 5-33). */
const offsets = {
  bootFlags: 109,
  flags: 112,
  resetRegister: 116,
  resetValue: 128,
  minorRevision: 131,
  dsdt: 140,
  sleepControl: 244,
  sleepStatus: 256,
} as const;

/** `IAPC_BOOT_ARCH`: what a PC has or has not. There is no VGA adapter, no PCIe power management and no CMOS clock. */
const bootFlags = { keyboard: 1 << 1, noVga: 1 << 2, noAspm: 1 << 4, noClock: 1 << 5 } as const;

/** Fixed features, those that are set. */
const features = {
  /** `wbinvd` and C1 do what they should. */
  writeBack: 1 << 0,
  c1: 1 << 2,
  /** No buttons, and no wake-up by a clock, are in fixed registers. */
  noPowerButton: 1 << 4,
  noSleepButton: 1 << 5,
  noFixedClock: 1 << 6,
  resetRegister: 1 << 10,
  /** Nothing to look at or type on. */
  headless: 1 << 12,
  /** None of the hardware that ACPI once fixed. */
  hardwareReduced: 1 << 20,
} as const;

/** A byte in the space of ports, as a generic address (ACPI 6.3, 5.2.3.2). */
function portRegister(port: number): Uint8Array {
  const portSpace = 1;
  const byteAccess = 1;
  return concat(u8(portSpace), u8(8), u8(0), u8(byteAccess), u64(port));
}

/** The fixed description table, FADT (ACPI 6.3, 5.2.9), of a hardware-reduced machine with its DSDT at this address. */
export function encodeFadt(machine: MachineDescription, dsdt: number): Uint8Array {
  const body = new Uint8Array(size - tableHeaderSize);
  const put = (at: number, bytes: Uint8Array): void => body.set(bytes, at - tableHeaderSize);
  const { keyboard, noVga, noAspm, noClock } = bootFlags;
  put(offsets.bootFlags, u16((machine.keyboard ? keyboard : 0) | noVga | noAspm | noClock));
  put(offsets.flags, u32(Object.values(features).reduce((all, flag) => all | flag, 0)));
  put(offsets.resetRegister, portRegister(machine.reset.port));
  put(offsets.resetValue, u8(machine.reset.value));
  put(offsets.minorRevision, u8(revision.minor));
  put(offsets.dsdt, u64(dsdt));
  put(offsets.sleepControl, portRegister(machine.sleep.control));
  put(offsets.sleepStatus, portRegister(machine.sleep.status));
  return acpiTable("FACP", revision.major, body);
}
