import { layout } from "../machine/layout.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import { bootErrors } from "./errors.js";

/** A memory-mapped virtio device as its driver finds it: registers and interrupt line. */
export interface VirtioDevicePlace {
  readonly address: number;
  /** Bytes of its registers. */
  readonly size: number;
  readonly line: number;
}

function sizeText(bytes: number): string {
  return bytes % 1024 === 0 ? `${bytes / 1024}K` : String(bytes);
}

/** Words that tell a kernel without ACPI of its virtio devices (`CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES`), in their order. */
export function virtioWords(devices: readonly VirtioDevicePlace[]): string[] {
  return devices.map(
    ({ address, size, line }) => `virtio_mmio.device=${sizeText(size)}@0x${address.toString(16)}:${line}`,
  );
}

/** Where the arguments of init begin: a word `--` outside of quotes; the end of the line when there is none. */
function endOfKernelWords(line: string): number {
  let quoted = false;
  for (let at = 0; at < line.length; at++) {
    if (line[at] === '"') quoted = !quoted;
    const begins = !quoted && (at === 0 || line[at - 1] === " ") && line.startsWith("--", at);
    if (begins && (at + 2 === line.length || line[at + 2] === " ")) return at;
  }
  return line.length;
}

/** A command line with these words added, before those that are for init. */
export function addWords(line: string, words: readonly string[]): string {
  const end = endOfKernelWords(line);
  return [line.slice(0, end).trim(), ...words, line.slice(end).trim()].filter((part) => part !== "").join(" ");
}

/**
 * Writes a command line and the zero after it to `layout.commandLine`. `limit` is the kernel's, in bytes without that zero;
 * a longer one is `KATA_VMM_COMMAND_LINE_LENGTH`, since the kernel would cut it off without a word.
 */
export function placeCommandLine(memory: GuestMemory, line: string, limit: number): void {
  for (let position = 0; position < line.length; position++) {
    const code = line.charCodeAt(position);
    if (code < 0x20 || code === 0x7f) throw bootErrors.KATA_VMM_COMMAND_LINE_CHARACTER({ code, position });
  }
  const bytes = Buffer.from(`${line}\0`, "utf8");
  const length = bytes.length - 1;
  const most = Math.min(limit, layout.commandLineSize - 1);
  if (length > most) throw bootErrors.KATA_VMM_COMMAND_LINE_LENGTH({ length, limit: most });
  memory.slice(layout.commandLine, bytes.length).set(bytes);
}
