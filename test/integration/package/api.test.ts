import { expect } from "chai";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectDirectory } from "../../support/project.js";
import { expectFresh, isWriting } from "../../support/reference.js";
import { runTool } from "../../support/run-tool.js";

const reports = "etc/api";

describe("the public API", () => {
  let made: string;
  before(function () {
    this.timeout(180_000);
    made = mkdtempSync(join(tmpdir(), "kata-ts-api-"));
    const { status, stderr } = runTool(process.execPath, ["tools/api-report.mjs", made]);
    expect(status, stderr).to.equal(0);
  });
  after(() => rmSync(made, { recursive: true, force: true }));

  for (const name of ["index", "plugin", "testing", "vmm"]) {
    it(`of kata-ts/${name} is as ${reports}/${name}.md has it; a change of it is looked at`, () => {
      const text = readFileSync(join(made, `${name}.md`), "utf8");
      expect(text.length, "the report").to.be.above(2_000);
      expectFresh(`${reports}/${name}.md`, text);
    });
  }

  it("has a report of each entry and no other", () => {
    if (!isWriting)
      expect(readdirSync(join(projectDirectory(), reports)).sort()).to.deep.equal(readdirSync(made).sort());
  });
});
