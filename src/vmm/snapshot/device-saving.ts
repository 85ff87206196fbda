import type { Plain } from "./plain.js";
import type { PlainReader } from "./plain-reader.js";

/**
 * How a device of a machine that is saved goes on in another machine. Its queues, features and configuration are kept by
 * whoever has it plugged in; this is the rest.
 */
export interface DeviceSaving {
  /** Gives back to its queues what it holds of them without knowing for how long; all other buffers are waited for. */
  release?(): void;
  /** What it has to remember. Called while its queues are frozen. */
  save(): Plain;
  /** Called right after `activate`, in the other machine, with what `save` gave. */
  restore(saved: PlainReader): void;
}

/** Of a device that remembers nothing. */
export const nothingToSave: DeviceSaving = { save: () => ({}), restore: () => undefined };
