import { expect } from "chai";
import fc from "fast-check";
import { codeOf } from "../../../../src/core/errors/error.js";
import { formatCpuList } from "../../../../src/core/oci/cpu-list.js";
import { cpuTime, numberSet } from "../../../../src/core/systemd/property-values.js";

describe("values of properties of units", () => {
  it("have CPU time in microseconds a second, never less than what was asked for", () => {
    const value = (quota: number, period?: number) => cpuTime({ quota, ...(period !== undefined && { period }) });
    expect(value(150_000)).to.deep.equal([
      ["CPUQuotaPerSecUSec", "t", "1500000"],
      ["CPUQuotaPeriodUSec", "t", "100000"],
    ]);
    expect(value(1, 3)[0]).to.deep.equal(["CPUQuotaPerSecUSec", "t", "333334"]);
    expect(value(-1)).to.deep.equal([]);
    expect(cpuTime({})).to.deep.equal([]);
  });

  it("have lists as sets of bits", () => {
    expect(numberSet("", "x")).to.deep.equal(["ay", "0"]);
    expect(numberSet("0-2,9", "x")).to.deep.equal(["ay", "2", "7", "2"]);
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(1023)), (numbers) => {
        const [type, count, ...bytes] = numberSet(formatCpuList(numbers), "x");
        expect([type, Number(count)]).to.deep.equal(["ay", bytes.length]);
        const read = bytes.flatMap((byte, at) =>
          [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (Number(byte) >> bit) & 1).map((bit) => at * 8 + bit),
        );
        expect(read).to.deep.equal(numbers.toSorted((a, b) => a - b));
      }),
    );
  });

  it("are refused for what is no list", () => {
    try {
      numberSet("0-", "linux.resources.cpu.cpus");
    } catch (error) {
      expect(codeOf(error)).to.equal("KATA_CGROUP_VALUE");
      return;
    }
    expect.fail("nothing was thrown");
  });
});
