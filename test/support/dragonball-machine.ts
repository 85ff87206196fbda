import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { HypervisorOptions } from "../../src/core/hypervisor/hypervisor-options.js";
import { config as schema } from "../../src/plugins/hypervisors/dragonball/config.js";
import { DragonballHypervisor } from "../../src/plugins/hypervisors/dragonball/dragonball.js";
import { type MachinePlace, makePlace, placeOptions, removePlaces, type Settings } from "./machine-place.js";
import { tinyKernel } from "./tiny-guest.js";

/** A machine in this process for a test. */
export interface DragonballMachine extends MachinePlace {
  readonly machine: DragonballHypervisor;
}

/** A machine of a tiny guest, which any KVM runs, with keys of `[hypervisor.dragonball]`. */
export async function makeTinyMachine(
  program: readonly (readonly number[])[],
  more: Partial<HypervisorOptions> = {},
  settings: Settings = {},
): Promise<DragonballMachine> {
  const scratch = await makePlace("dragonball", schema, {});
  const kernel = join(scratch.root, "tiny-kernel");
  writeFileSync(kernel, tinyKernel(...program).bytes);
  const initrd = join(scratch.root, "tiny-initrd");
  writeFileSync(initrd, "nothing");
  return makeDragonball({ kernel, initrd, ...settings }, more);
}

/** A machine with keys of `[hypervisor.dragonball]`, for which KVM is said to work unless `more` says otherwise. */
export async function makeDragonball(
  settings: Settings,
  more: Partial<HypervisorOptions> = {},
): Promise<DragonballMachine> {
  const place = await makePlace("dragonball", schema, settings);
  const probe = async () => ({ usable: true, reason: "the test says so" });
  const machine = new DragonballHypervisor({ ...placeOptions(place), probe, ...more });
  return { ...place, machine };
}

/** Ends machines by force; they may leave nothing but their records, which are removed with their places. */
export async function endMachines(machines: readonly DragonballMachine[]): Promise<void> {
  for (const { machine, runDirectory } of machines) {
    await machine.destroy(new Error("the test is over"));
    expect(readdirSync(runDirectory)).to.deep.equal(["record.json"]);
  }
  removePlaces();
}
