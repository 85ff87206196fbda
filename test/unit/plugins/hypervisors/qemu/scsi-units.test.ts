import { expect } from "chai";
import fc from "fast-check";
import { formatAddress, ScsiUnits } from "../../../../../src/plugins/hypervisors/qemu/scsi-units.js";

describe("addresses of SCSI disks", () => {
  it("are used for the first time as long as there are such, and again after that, the longest free first", () => {
    const units = new ScsiUnits(3);
    const take = () => formatAddress(units.take());
    expect([take(), take()]).to.deep.equal(["0:0", "0:1"]);
    units.release("0:1");
    units.release("0:0");
    expect([take(), take(), take()]).to.deep.equal(["0:2", "0:1", "0:0"]);
    expect(take).to.throw(/all 3 slots of the machine's SCSI controller are taken/);
  });

  it("are never those of two disks", () => {
    const property = fc.property(fc.array(fc.boolean(), { maxLength: 60 }), (steps) => {
      const units = new ScsiUnits(40);
      const there: string[] = [];
      for (const add of steps) {
        if (add && there.length < 40) there.push(formatAddress(units.take()));
        else units.release(there.shift());
        expect(new Set(there).size).to.equal(there.length);
      }
    });
    fc.assert(property);
  });
});
