import fc from "fast-check";
import { hostileDriver, targetNames } from "../../../support/vmm/hostile-driver.js";
import { hostileRegisters } from "../../../support/vmm/hostile-registers.js";

describe("a hostile driver", () => {
  for (const name of targetNames) {
    it(`gets an answer or a reset from the device: ${name}`, async () => {
      await hostileDriver(name, (attack) => fc.assert(attack, { numRuns: 5000 }));
    }).timeout(60_000);
  }

  it("may do anything to the registers", () => {
    fc.assert(hostileRegisters(), { numRuns: 5000 });
  });
});
