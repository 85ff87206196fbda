import type { Plain } from "../snapshot/plain.js";
import { PlainReader } from "../snapshot/plain-reader.js";
import { snapshotErrors } from "../snapshot/errors.js";
import { mostSlots } from "../machine/layout.js";
import type { PluggedDevice } from "./device-spec.js";

/** The devices of a machine that was saved, as plain data that a file held. */
export interface SavedDevices {
  /** That of the file, for errors. */
  readonly path: string;
  readonly devices: unknown;
}

/** What there is to save of devices; `SavedDevices.devices` once it is read again. */
export type DevicesToSave = { readonly serial: Plain; readonly virtio: Plain };

/** A device of those that a machine goes on with, and what it was when it was saved. */
export interface RestoredDevice {
  readonly device: PluggedDevice;
  readonly saved: PlainReader;
}

/**
 * Finds, for each device that was saved, the one that takes its place: it has the same id, kind and slot, and what it has of
 * the host may be another. `KATA_VMM_SNAPSHOT_MISMATCH` when one is missing or too many: a guest loses and finds no devices
 * while it is in a file.
 */
export function matchDevices(from: PlainReader, wanted: readonly PluggedDevice[]): RestoredDevice[] {
  const saved = from.field("virtio").list(mostSlots);
  const nameOf = (device: PlainReader): string =>
    `${device.field("kind").text()} "${device.field("id").text()}" in slot ${device.field("slot").number({ most: mostSlots })}`;
  const names = saved.map(nameOf);
  const there = wanted.map(({ slot, spec }) => `${spec.kind} "${spec.id}" in slot ${slot}`);
  const restored = wanted.flatMap((device, index): RestoredDevice[] => {
    const found = saved[names.indexOf(there[index] ?? "")];
    return found === undefined ? [] : [{ device, saved: found.field("transport") }];
  });
  if (restored.length !== wanted.length || restored.length !== saved.length) {
    const what = "set of devices";
    const list = (all: readonly string[]): string => all.join(", ") || "none";
    throw snapshotErrors.KATA_VMM_SNAPSHOT_MISMATCH({ what, saved: list(names), wanted: list(there) });
  }
  return restored;
}

/** Reads what `DevicesToSave` was. */
export const readDevices = ({ path, devices }: SavedDevices): PlainReader => new PlainReader(devices, path, "devices");
