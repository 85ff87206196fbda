import { expect } from "chai";
import { splitAtDashes } from "../../../../src/bin/kata-ts/command.js";
import { formatTable } from "../../../../src/bin/kata-ts/output.js";

describe("formatTable", () => {
  it("aligns columns and leaves no blanks at the end of a line", () => {
    const rows = [
      { name: "a", detail: "first" },
      { name: "longer", detail: "" },
    ];
    const columns = [
      { title: "NAME", cell: (row: (typeof rows)[number]) => row.name },
      { title: "DETAIL", cell: (row: (typeof rows)[number]) => row.detail },
    ];
    expect(formatTable({ rows, columns })).to.deep.equal(["NAME    DETAIL", "a       first", "longer"]);
  });
});

describe("splitAtDashes", () => {
  it("splits at the first --", () => {
    expect(splitAtDashes(["a", "--", "b", "--", "c"])).to.deep.equal({ before: ["a"], after: ["b", "--", "c"] });
    expect(splitAtDashes(["a"])).to.deep.equal({ before: ["a"], after: undefined });
  });
});
