import { join } from "node:path";
import type { SandboxRecord } from "../../../../../src/core/sandbox/record.js";
import { config as schema } from "../../../../../src/plugins/hypervisors/qemu/config.js";
import { QemuHypervisor, type QemuOptions } from "../../../../../src/plugins/hypervisors/qemu/qemu.js";
import { makePlace, placeOptions, removePlaces, type Settings } from "../../../../support/machine-place.js";

export type { Settings };

/** A machine for a test, and its directories. */
export interface TestMachine {
  readonly machine: QemuHypervisor;
  /** Holds all that belongs to it. */
  readonly root: string;
  readonly runDirectory: string;
  /** Names it in the command lines of its processes. */
  readonly id: string;
  readonly record: SandboxRecord;
}

/** A machine that emulates, unless `more` says otherwise, with keys of `[hypervisor.qemu]`. */
export async function makeMachine(settings: Settings, more: Partial<QemuOptions> = {}): Promise<TestMachine> {
  const place = await makePlace("qemu", schema, settings);
  const { root, id, runDirectory, record } = place;
  const machine = new QemuHypervisor({
    ...placeOptions(place),
    probe: async () => ({ usable: false, reason: "the test emulates" }),
    vsockDevice: join(root, "no-vsock"),
    ...more,
  });
  return { machine, root, runDirectory, id, record };
}

/** Removes the directories of all machines made so far. */
export const removeMachines = removePlaces;

export const spec = { vcpus: 1, memoryMiB: 128, kernelParameters: [] } as const;
export const never = new AbortController().signal;

/** What a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}
