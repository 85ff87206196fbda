import { readFileSync } from "node:fs";
import { expect } from "chai";
import fc from "fast-check";
import { parseProcessStat } from "../../../../src/core/sys/process-stat.js";

describe("process stat", () => {
  it("reads this process", () => {
    const stat = parseProcessStat(readFileSync("/proc/self/stat", "latin1"));
    expect(stat).to.include({ pid: process.pid, parent: process.ppid });
  });

  it("reads any name, parentheses and blanks included", () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 15 }),
        fc.nat(),
        fc.bigInt({ min: 0n, max: 2n ** 63n }),
        (name, pid, start) => {
          const text = `${pid} (${name}) S 17 ${"0 ".repeat(17)}${start} 0 0\n`;
          expect(parseProcessStat(text)).to.deep.equal({ pid, name, state: "S", parent: 17, startTime: start });
        },
      ),
    );
  });

  it("takes nothing else for one", () => {
    for (const text of ["", "12", "12 (a", "a (b) S 1 2", "12 (a) S 1 2 3"]) {
      expect(parseProcessStat(text), text).to.equal(undefined);
    }
  });
});
