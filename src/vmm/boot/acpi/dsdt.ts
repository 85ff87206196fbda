import { portValues } from "../../machine/layout.js";
import { concat } from "../bytes.js";
import type { VirtioDevicePlace } from "../command-line.js";
import type { MachineDescription } from "../machine-description.js";
import { amlEisaId, amlNumber, amlPackage, amlText } from "./aml/data.js";
import { amlDevice, amlNamed, amlScope } from "./aml/objects.js";
import { edgeInterrupt, fixedMemory, ioPorts, resourceTemplate } from "./aml/resources.js";
import { acpiTable } from "./table.js";

/** From 2 on, AML's numbers have 64 bits. */
const revision = 2;

/** The type of sleep that is soft off: with it in bits 2 to 4, and bit 5, sleep control is written `portValues.powerOff`. */
const softOff = (portValues.powerOff >> 2) & 7;

/** A memory-mapped virtio device, as the driver of Linux finds it. */
function virtioDevice({ address, size, line }: VirtioDevicePlace, index: number): Uint8Array {
  return amlDevice(
    `VR${index.toString(16).toUpperCase().padStart(2, "0")}`,
    amlNamed("_HID", amlText("LNRO0005")),
    amlNamed("_UID", amlNumber(index)),
    // What it writes into memory the processors' caches see.
    amlNamed("_CCA", amlNumber(1)),
    amlNamed("_CRS", resourceTemplate(fixedMemory(address, size), edgeInterrupt(line))),
  );
}

function serialPort({ port, size, line }: NonNullable<MachineDescription["console"]>): Uint8Array {
  return amlDevice(
    "COM1",
    amlNamed("_HID", amlEisaId("PNP0501")),
    amlNamed("_UID", amlNumber(0)),
    amlNamed("_CRS", resourceTemplate(ioPorts(port, size), edgeInterrupt(line))),
  );
}

/** The devices, DSDT (ACPI 6.3, 5.2.11.1), and how the machine is turned off. */
export function encodeDsdt(machine: MachineDescription): Uint8Array {
  const console = machine.console === undefined ? [] : [serialPort(machine.console)];
  const off = amlPackage(amlNumber(softOff), amlNumber(softOff), amlNumber(0), amlNumber(0));
  return acpiTable(
    "DSDT",
    revision,
    concat(amlNamed("\\_S5", off), amlScope("\\_SB", ...console, ...machine.virtio.map(virtioDevice))),
  );
}
