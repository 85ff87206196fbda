import { expect } from "chai";
import { defineErrors, describeError, describeWithCodes } from "../../../../src/core/errors/error.js";

describe("describeError", () => {
  it("tells an error with all its causes on one line", () => {
    const cause = new Error("ENOSPC", { cause: "the disk" });
    expect(describeError(new Error("cannot write", { cause }))).to.equal("cannot write: ENOSPC: the disk");
  });

  it("does not repeat a cause whose words the message ends with", () => {
    const cause = new Error("no room");
    expect(describeError(new Error("cannot write: no room", { cause }))).to.equal("cannot write: no room");
    expect(describeError(new Error("no room", { cause }))).to.equal("no room");
  });

  it("tells all that was gathered, and ends where causes go round", () => {
    const both = new AggregateError([new Error("a"), new Error("b")], "two failed");
    expect(describeError(both)).to.equal("two failed: a; b");
    const round = new Error("round");
    round.cause = round;
    expect(describeError(round)).to.equal("round");
  });
});

describe("describeWithCodes", () => {
  const errors = defineErrors({
    TEST_OUTER: { status: "INTERNAL", message: () => "it failed" },
    TEST_INNER: { status: "NOT_FOUND", message: () => "there is none" },
  });

  it("ends with the codes of an error and of its causes, the innermost last, where there are any", () => {
    const cause = errors.TEST_INNER({}, { cause: Object.assign(new Error("gone"), { code: "ENOENT" }) });
    const error = errors.TEST_OUTER({}, { cause });
    expect(describeWithCodes(error)).to.equal("it failed: there is none: gone [TEST_OUTER, TEST_INNER]");
    expect(describeWithCodes(new Error("plain"))).to.equal("plain");
  });
});
