import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { expect } from "chai";
import { KataError } from "../../../../src/core/errors/error.js";
import { errnoName, errnoNumber } from "../../../../src/core/sys/errno.js";
import { sysErrors } from "../../../../src/core/sys/errors.js";
import { errnoNameOf, SysError } from "../../../../src/core/sys/sys-error.js";

describe("errors of refused calls", () => {
  it("say what was asked and what came of it", () => {
    const error = new SysError("mount", ["overlay", "/x", null, Buffer.alloc(4), 1n], 13, "EACCES");
    expect(error).to.include({ code: "KATA_SYS_CALL", status: "PERMISSION_DENIED", errno: 13, errnoName: "EACCES" });
    expect(error.message).to.equal('mount("overlay", "/x", null, <4 bytes>, 1): EACCES (permission denied)');
  });

  it("are told from other errors of this project", () => {
    expect(new SysError("x", [], 1, "EPERM")).to.be.instanceOf(KataError);
    expect(sysErrors.KATA_SYS_MOUNTINFO({ line: "" })).not.to.be.instanceOf(SysError);
  });

  it("give their errno as Node's do", () => {
    expect(errnoNameOf(new SysError("x", [], 1, "EPERM"))).to.equal("EPERM");
    let missing: unknown;
    try {
      readFileSync("/nonexistent");
    } catch (error) {
      missing = error;
    }
    expect(errnoNameOf(missing)).to.equal("ENOENT");
    expect(errnoNameOf(Object.assign(new Error("x"), { code: "ERR_INVALID_ARG_TYPE" }))).to.equal(undefined);
    expect(errnoNameOf("ENOENT")).to.equal(undefined);
  });

  it("name every errno that Node knows", () => {
    for (const [name, value] of Object.entries(constants.errno)) {
      expect(errnoNumber(errnoName(value)), name).to.equal(value);
    }
    expect(errnoName(constants.errno.EAGAIN)).to.equal("EAGAIN");
    expect(errnoName(4711)).to.equal("errno 4711");
  });
});
