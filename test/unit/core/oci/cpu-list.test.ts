import { expect } from "chai";
import fc from "fast-check";
import { parseCpuList } from "../../../../src/core/cgroup/cpu-list.js";
import { formatCpuList, readCpuList } from "../../../../src/core/oci/cpu-list.js";

describe("lists of CPUs", () => {
  it("are read and written as the kernel has them", () => {
    expect(readCpuList("0-2,8, 5\n")).to.deep.equal([0, 1, 2, 5, 8]);
    expect(readCpuList("")).to.deep.equal([]);
    expect(formatCpuList([8, 0, 1, 2, 1])).to.equal("0-2,8");
    expect(formatCpuList([])).to.equal("");
  });

  it("come back the same", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(8191)), (numbers) => {
        expect(readCpuList(formatCpuList(numbers))).to.deep.equal(numbers.toSorted((a, b) => a - b));
      }),
    );
  });

  for (const text of ["a", "3-1", "0-", "-1", "1.5", "0-99999", "8192", "0x1", "1 2"]) {
    it(`${JSON.stringify(text)} is none`, () => {
      expect(readCpuList(text)).to.equal(undefined);
      expect(() => parseCpuList(text, "linux.resources.cpu.cpus")).to.throw(
        `linux.resources.cpu.cpus is ${JSON.stringify(text)}, not a list of numbers below 8192`,
      );
    });
  }
});
