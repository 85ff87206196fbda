import { expect } from "chai";
import { codesOf } from "../../../../src/core/errors/error.js";
import { scopeErrors } from "../../../../src/core/scope.js";
import { runTool } from "../../../support/run-tool.js";

const explain = (...args: string[]) => runTool(process.execPath, ["dist/src/bin/kata-ts/main.js", "explain", ...args]);

describe("kata-ts explain", () => {
  it("prints cause and cure of codes, however they are written", () => {
    const { stdout, status } = explain("[kata_scope_closed]", "KATA_QEMU_MISSING");
    expect(status).to.equal(0);
    expect(stdout).to.match(/^KATA_SCOPE_CLOSED \(Plugins and messages\)\n {2}cause: .+\n {2}cure: {2}.+\n\nKATA_QEMU/);
  });

  it("prints the same for programs", () => {
    const { stdout } = explain("--json", "KATA_DEADLINE");
    const [one] = JSON.parse(stdout) as { code: string; cause: string; cure: string }[];
    expect(one).to.include.keys("cause", "cure", "area").and.to.have.property("code", "KATA_DEADLINE");
  });

  it("suggests the code that was meant", () => {
    const { stderr, status } = explain("KATA_DEADLIN");
    expect(status).to.equal(2);
    expect(stderr).to.match(/did you mean "KATA_DEADLINE"\?.*\[KATA_USAGE\]\n$/);
  });
});

describe("the codes of an error", () => {
  it("are its own and those of its causes, each once", () => {
    const cause = Object.assign(new Error("no"), { code: "ENOENT" });
    const parts = { scope: "a", what: "b" };
    const inner = scopeErrors.KATA_SCOPE_UNBOUND(parts, { cause });
    const gathered = new AggregateError([scopeErrors.KATA_SCOPE_CLOSED(parts, { cause: inner }), inner], "two");
    expect(codesOf(gathered)).to.deep.equal(["KATA_SCOPE_CLOSED", "KATA_SCOPE_UNBOUND"]);
    expect(codesOf("text")).to.deep.equal([]);
  });

  it("end where causes go in a circle", () => {
    const error = scopeErrors.KATA_SCOPE_CLOSED({ scope: "a", what: "b" });
    Object.defineProperty(error, "cause", { value: error });
    expect(codesOf(error)).to.deep.equal(["KATA_SCOPE_CLOSED"]);
  });
});
