import { closeSync, openSync } from "node:fs";
import type { Sys } from "../core/sys/sys.js";
import { supportedCpuid } from "./kvm/cpuid.js";
import type { KvmMachine } from "./kvm/kvm-machine.js";
import { processorKind } from "./kvm/processor-kind.js";
import { restoreChips, saveChips } from "./kvm/saved-chips.js";
import { restoreVcpu, saveVcpu, tellPaused } from "./kvm/saved-vcpu.js";
import type { GuestMemory } from "./memory/guest-memory.js";
import type { GuestRam } from "./memory/guest-ram.js";
import { mapSavedRam } from "./memory/saved-ram.js";
import { snapshotErrors } from "./snapshot/errors.js";
import { bytesOf } from "./snapshot/memory-file.js";
import { openSnapshot, type Snapshot, writeSnapshot } from "./snapshot/snapshot.js";
import type { DevicesToSave, SavedDevices } from "./threads/saved-devices.js";

/** What of a machine is saved, none of whose processors runs and whose devices are frozen. */
export interface MachineToSave {
  readonly kvm: KvmMachine;
  /** Descriptors of its vCPUs, in order. */
  readonly vcpus: readonly number[];
  readonly memory: GuestMemory;
  readonly devices: DevicesToSave;
}

/** Saves it in a directory; as `writeSnapshot`. */
export async function saveMachine(sys: Sys, directory: string, machine: MachineToSave): Promise<void> {
  const { kvm, vcpus, memory, devices } = machine;
  await writeSnapshot(sys, directory, {
    processor: processorKind(supportedCpuid(sys.devices, kvm.device)),
    vcpus: vcpus.map((vcpu) => saveVcpu(sys.devices, kvm.device, vcpu)),
    chips: saveChips(sys.devices, kvm.fd),
    memory,
    devices,
  });
}

const mib = 2 ** 20;

/** A saved machine that another one goes on from. */
export class SavedMachine {
  readonly #snapshot: Snapshot;

  private constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  /** Opens it; `KATA_VMM_SNAPSHOT_MISMATCH` when it is of another size than wanted, and what `openSnapshot` fails with. */
  static open(directory: string, wanted: { readonly vcpus: number; readonly memoryMiB: number }): SavedMachine {
    const saved = new SavedMachine(openSnapshot(directory));
    const { state } = saved.#snapshot;
    try {
      assertSame("number of processors", state.vcpus.length, wanted.vcpus);
      assertSame("memory in MiB", bytesOf(state.regions) / mib, wanted.memoryMiB);
      return saved;
    } catch (error) {
      saved.close();
      throw error;
    }
  }

  get devices(): SavedDevices {
    const { path, state } = this.#snapshot;
    return { path, devices: state.devices };
  }

  /** Its memory, for one more machine. */
  mapMemory(sys: Sys): GuestRam {
    const { state, memory } = this.#snapshot;
    return mapSavedRam(sys, { fd: memory, regions: state.regions });
  }

  /**
   * Makes new vCPUs and a new machine of KVM's what the saved ones were: the vCPUs first, since controllers that have an
   * interrupt for them deliver it at once. `KATA_VMM_SNAPSHOT_PROCESSOR` when this host cannot go on with them.
   */
  restore(sys: Sys, kvm: KvmMachine, vcpus: readonly number[]): void {
    const { state } = this.#snapshot;
    const { devices } = sys;
    this.assertProcessor(sys, kvm.device);
    for (const [id, vcpu] of vcpus.entries()) {
      const saved = state.vcpus[id];
      if (saved !== undefined) restoreVcpu(devices, vcpu, saved);
    }
    restoreChips(devices, kvm.fd, state.chips);
    for (const vcpu of vcpus) tellPaused(devices, vcpu);
  }

  /** `KATA_VMM_SNAPSHOT_PROCESSOR` when its guest would find other processors; `device` is a descriptor of /dev/kvm. */
  assertProcessor({ devices }: Pick<Sys, "devices">, device: number): void {
    if (processorKind(supportedCpuid(devices, device)) === this.#snapshot.state.processor) return;
    throw snapshotErrors.KATA_VMM_SNAPSHOT_PROCESSOR({ problem: "it was saved on one that has other features" });
  }

  /** Closes its file; memory that is mapped stays so. */
  close(): void {
    closeSync(this.#snapshot.memory);
  }
}

/** Fails as going on from there would, before a machine is made: reads and checks all but the memory's bytes. */
export function assertSaved(
  sys: Pick<Sys, "devices">,
  directory: string,
  wanted: { readonly vcpus: number; readonly memoryMiB: number; readonly kvm?: string },
): void {
  const saved = SavedMachine.open(directory, wanted);
  try {
    const device = openSync(wanted.kvm ?? "/dev/kvm", "r+");
    try {
      saved.assertProcessor(sys, device);
    } finally {
      closeSync(device);
    }
  } finally {
    saved.close();
  }
}

function assertSame(what: string, saved: number, wanted: number): void {
  if (saved === wanted) return;
  throw snapshotErrors.KATA_VMM_SNAPSHOT_MISMATCH({ what, saved: String(saved), wanted: String(wanted) });
}
