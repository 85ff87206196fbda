import { concat, u8, u16, u32 } from "../../bytes.js";
import { amlBuffer } from "./data.js";

/** First bytes of resource descriptors (ACPI 6.3, 6.4). */
const tag = { ioPorts: 0x47, end: 0x79, fixedMemory: 0x86, interrupt: 0x89 } as const;

/** `Memory32Fixed (ReadWrite, address, size)`: registers in memory, below 4 GiB. */
export function fixedMemory(address: number, size: number): Uint8Array {
  const readWrite = 1;
  return concat(u8(tag.fixedMemory), u16(9), u8(readWrite), u32(address), u32(size));
}

/** `Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) {line}`: a line of the I/O APIC of the device's own. */
export function edgeInterrupt(line: number): Uint8Array {
  const consumer = 1;
  const edge = 2;
  return concat(u8(tag.interrupt), u16(6), u8(consumer | edge), u8(1), u32(line));
}

/** `IO (Decode16, port, port, 1, count)`. */
export function ioPorts(port: number, count: number): Uint8Array {
  const decode16 = 1;
  return concat(u8(tag.ioPorts), u8(decode16), u16(port), u16(port), u8(1), u8(count));
}

/** `ResourceTemplate () { … }`. */
export function resourceTemplate(...resources: readonly Uint8Array[]): Uint8Array {
  // A checksum of 0 is taken as right.
  return amlBuffer(concat(...resources, u8(tag.end), u8(0)));
}
