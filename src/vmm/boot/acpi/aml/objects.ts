import { concat, u8 } from "../../bytes.js";
import { amlName } from "./name.js";
import { withPackageLength } from "./package-length.js";

/** Opcodes of what has a name (ACPI 6.3, 20.2.5). */
const opcode = { name: 0x08, scope: 0x10, extended: 0x5b, device: 0x82 } as const;

/** `Name (name, value)`; `value` is data. */
export function amlNamed(name: string, value: Uint8Array): Uint8Array {
  return concat(u8(opcode.name), amlName(name), value);
}

/** `Scope (name) { … }` of what is there already, such as `\_SB`. */
export function amlScope(name: string, ...objects: readonly Uint8Array[]): Uint8Array {
  return concat(u8(opcode.scope), withPackageLength(concat(amlName(name), ...objects)));
}

/** `Device (name) { … }`. */
export function amlDevice(name: string, ...objects: readonly Uint8Array[]): Uint8Array {
  return concat(u8(opcode.extended), u8(opcode.device), withPackageLength(concat(amlName(name), ...objects)));
}
