import fc from "fast-check";
import { hostileDriver, targetNames } from "../support/vmm/hostile-driver.js";
import { hostileRegisters } from "../support/vmm/hostile-registers.js";

/** Numbers that `npm run fuzz` gives. */
function setting(name: string): number {
  const value = Number(process.env[name]);
  if (!Number.isInteger(value)) throw new Error(`${name} must be a whole number: run this by \`npm run fuzz\``);
  return value;
}

describe("drivers without end", () => {
  const numRuns = setting("KATA_TS_FUZZ_RUNS");
  const seed = setting("KATA_TS_FUZZ_SEED");
  const seconds = setting("KATA_TS_FUZZ_SECONDS");

  const run = async (name: string, property: fc.IRawProperty<unknown>): Promise<void> => {
    const limits = { interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false };
    const details = await fc.check(property, { numRuns, seed, ...limits });
    console.log(`      ${name}: ${details.numRuns} of ${numRuns} runs${details.interrupted ? ", out of time" : ""}`);
    if (details.failed) throw new Error(fc.defaultReportMessage(details as never));
  };

  for (const name of targetNames)
    it(`virtio device: ${name}`, () => hostileDriver(name, (attack) => run(name, attack)));
  it("virtio registers", () => run("registers", hostileRegisters()));
});
