import { createHash } from "node:crypto";
import type { Files } from "../../core/sys/files.js";
import { snapshotErrors } from "./errors.js";
import { encodeMachine, type MachineState, type ReadMachineState, readMachine } from "./machine-state.js";
import { PlainReader } from "./plain-reader.js";
import { readTrusted } from "./trusted-file.js";

/** What the file says of itself, so that a program knows whether it can read the rest. Another format has another number. */
const format = 1;
const producer = "kata-ts";

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Writes a machine's state to a new file of mode 0600, whole or not at all. */
export async function writeState(
  files: Pick<Files, "writeFileAtomic">,
  path: string,
  state: MachineState,
): Promise<void> {
  const machine = JSON.stringify(encodeMachine(state));
  const header = { format, producer, architecture: process.arch, digest: digestOf(machine) };
  await files.writeFileAtomic(path, `{"header":${JSON.stringify(header)},"machine":${machine}}\n`, 0o600);
}

/**
 * Reads what `writeState` wrote: `KATA_VMM_SNAPSHOT_FORMAT` for another format, `KATA_VMM_SNAPSHOT_ARCHITECTURE` for another
 * architecture, `KATA_VMM_SNAPSHOT_STATE` for what is cut off or changed, and what `openTrusted` refuses with.
 */
export function readState(path: string): ReadMachineState {
  const all = new PlainReader(parse(path, readTrusted(path)), path);
  const header = all.field("header");
  const number = header.field("format").raw();
  if (number !== format) {
    const parts = { format: String(number), producer: String(header.field("producer").raw()), known: format };
    throw snapshotErrors.KATA_VMM_SNAPSHOT_FORMAT({ path, ...parts });
  }
  const saved = header.field("architecture").text(64);
  if (saved !== process.arch) {
    throw snapshotErrors.KATA_VMM_SNAPSHOT_ARCHITECTURE({ path, saved, here: process.arch });
  }
  const machine = all.field("machine");
  if (digestOf(JSON.stringify(machine.raw())) !== header.field("digest").text(64)) {
    throw machine.broken("is not what was written");
  }
  return readMachine(machine);
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const problem = `it ends early, or is no JSON (${text.length} characters)`;
    throw snapshotErrors.KATA_VMM_SNAPSHOT_STATE({ path, problem }, { cause });
  }
}
