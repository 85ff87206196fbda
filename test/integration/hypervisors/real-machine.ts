import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withDeadline } from "../../../src/core/deadline.js";
import { findExecutable } from "../../../src/core/process/find-executable.js";
import { defaultRoots } from "../../../src/core/runtime/roots.js";
import { expectNoLeaks, type LeakScope, type Traces, traces } from "../../support/leaks.js";
import { skip } from "../../support/skip.js";
import {
  makeMachine,
  removeMachines,
  type Settings,
  spec,
  type TestMachine,
} from "../../unit/plugins/hypervisors/qemu/machine.js";

const { guestCache } = defaultRoots;
const hasGuest = existsSync(join(guestCache, "current/manifest.json"));

/** What the directories of machines begin with, and links of the tests. */
export const mark = "kata-qemu-";
const scope: LeakScope = { marks: [mark], links: ["ktq"] };

/** A guest in little memory. */
export const small = { ...spec, memoryMiB: 256 };

/** Waits until the guest's console shows something. */
export async function consoleShows({ machine }: TestMachine, pattern: RegExp): Promise<void> {
  const context = () => machine.consoleTail().slice(-5).join("\n");
  await withDeadline({ ms: 60_000, what: `${pattern} on the console`, context }, async (signal) => {
    while (!machine.consoleTail().some((line) => pattern.test(line))) {
      signal.throwIfAborted();
      await sleep(20);
    }
  });
}

/** Makes a machine that boots the built guest, and ends after its test. */
export type MakeMachine = (settings?: Settings, more?: Parameters<typeof makeMachine>[1]) => Promise<TestMachine>;

/** A suite of tests with machines of the real QEMU. Nothing may be left of them after each. */
export function describeMachines(title: string, define: (make: MakeMachine) => void): void {
  describe(title, () => {
    let before_: Traces;
    let machines: TestMachine[];
    before(function () {
      if (findExecutable("qemu-system-x86_64") === undefined) skip(this, "QEMU is not installed (qemu-system-x86)");
      if (!hasGuest) skip(this, `no guest is built in ${guestCache} (kata-ts guest build)`);
    });
    beforeEach(() => {
      before_ = traces(scope);
      machines = [];
    });
    afterEach(async () => {
      for (const { machine } of machines) await machine.destroy(new Error("the test is over"));
      removeMachines();
      await expectNoLeaks(before_, scope);
    });
    define(async (settings = {}, more = {}) => {
      const made = await makeMachine(
        { enable_debug: true, ...settings },
        { roots: { guestCache, run: "/nowhere" }, ...more },
      );
      machines.push(made);
      return made;
    });
  });
}
