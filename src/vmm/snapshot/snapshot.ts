import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { KataError } from "../../core/errors/error.js";
import type { Sys } from "../../core/sys/sys.js";
import type { GuestMemory } from "../memory/guest-memory.js";
import { snapshotErrors } from "./errors.js";
import type { MachineState, ReadMachineState } from "./machine-state.js";
import { bytesOf, openMemoryFile, writeMemory } from "./memory-file.js";
import { readState, writeState } from "./state-file.js";

/** The files of a saved machine, in its directory: as Dragonball calls them. */
export const snapshotFiles = { state: "state", memory: "memory" } as const;

/** A machine to be saved. */
export interface SnapshotParts extends Omit<MachineState, "memoryId" | "regions"> {
  readonly memory: GuestMemory;
}

/**
 * Saves a machine in a directory that is there. The state comes last: a directory that has one has all of a machine.
 * `KATA_VMM_SNAPSHOT_EXISTS` when there is one already; after any other error none of its files is left.
 */
export async function writeSnapshot(sys: Pick<Sys, "files">, directory: string, parts: SnapshotParts): Promise<void> {
  const { memory, ...machine } = parts;
  const paths = { state: join(directory, snapshotFiles.state), memory: join(directory, snapshotFiles.memory) };
  for (const path of Object.values(paths)) {
    if (existsSync(path)) throw snapshotErrors.KATA_VMM_SNAPSHOT_EXISTS({ path });
  }
  const memoryId = randomBytes(16).toString("hex");
  try {
    await writeMemory(sys, paths.memory, memory, memoryId);
    await writeState(sys.files, paths.state, { ...machine, memoryId, regions: memory.regions });
  } catch (cause) {
    for (const path of Object.values(paths)) await rm(path, { force: true });
    throw cause instanceof KataError ? cause : snapshotErrors.KATA_VMM_SNAPSHOT_WRITE({ directory }, { cause });
  }
}

/** A machine that was saved, to go on from. */
export interface Snapshot {
  /** Path of the state, for errors. */
  readonly path: string;
  readonly state: ReadMachineState;
  /** Descriptor of the memory's file; the caller's. */
  readonly memory: number;
}

/** Opens what `writeSnapshot` has saved; errors are those of its files, and leave nothing open. */
export function openSnapshot(directory: string): Snapshot {
  const path = join(directory, snapshotFiles.state);
  const state = readState(path);
  const memory = openMemoryFile(join(directory, snapshotFiles.memory), bytesOf(state.regions), state.memoryId);
  return { path, state, memory };
}
