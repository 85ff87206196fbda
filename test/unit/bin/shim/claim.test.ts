import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { dropClaim, isClaimed, readClaim, takeClaim } from "../../../../src/bin/shim/claim.js";
import { describeError } from "../../../../src/core/errors/error.js";
import { identityOf } from "../../../../src/core/process/identity.js";
import { makeDeepDirectory } from "../../../support/deep-directory.js";

describe("the claim of a shim", () => {
  const name = { namespace: "ns", sandboxId: "pod" };
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "claim-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const claim = { process: identityOf(process.pid) ?? { pid: 0, startTime: "" }, socket: "/socket" };
  const rootsAt = (run: string) => ({ run, sockets: "/nowhere" });

  it("is taken once, says by whom, and leaves nothing when it is dropped", () => {
    const roots = rootsAt(directory);
    expect(isClaimed(roots, name)).to.equal(false);
    expect(takeClaim(roots, name, claim)).to.equal(true);
    expect(takeClaim(roots, name, claim)).to.equal(false);
    expect(isClaimed(roots, name)).to.equal(true);
    expect(readClaim(roots, name)).to.deep.equal(claim);
    dropClaim(roots, name);
    expect(readdirSync(directory)).to.deep.equal([]);
    dropClaim(roots, name);
  });

  it("leaves nothing when it cannot be written", () => {
    const roots = rootsAt(makeDeepDirectory(directory, "/.shim/ns/.new".length));
    const error = (() => {
      try {
        return takeClaim(roots, name, claim);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).to.include({ code: "KATA_SHIM_STATE" });
    expect(describeError(error)).to.include(`cannot write ${roots.run}/.shim/ns/pod`).and.include("ENAMETOOLONG");
    expect(readdirSync(roots.run)).to.deep.equal([]);
  });
});
