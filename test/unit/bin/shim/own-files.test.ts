import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { readClaim, takeClaim } from "../../../../src/bin/shim/claim.js";
import { shimDirectory } from "../../../../src/bin/shim/layout.js";
import { readStart } from "../../../../src/bin/shim/start-parameters.js";
import { identityOf } from "../../../../src/core/process/identity.js";
import { loadState } from "../../../../src/core/sandbox/state-file.js";
import { temporaryDirectory, thrown } from "../../core/sys/fixture.js";

const name = { namespace: "ns", sandboxId: "pod" };

describe("what shims note of themselves", () => {
  const directory = temporaryDirectory();
  const roots = () => ({ run: join(directory.path, "run"), sockets: directory.path });
  const own = () => shimDirectory(roots(), name);
  const claim = { process: identityOf(process.pid) ?? expect.fail("it does not run"), socket: "/run/s" };
  const readers = [() => readClaim(roots(), name), () => readStart(roots(), name)];

  beforeEach(() => {
    expect(takeClaim(roots(), name, claim)).to.equal(true);
    writeFileSync(join(own(), "start.json"), "{}", { mode: 0o600 });
  });
  const expectRefused = (): void => {
    for (const read of readers) expect(thrown(read)).to.equal("KATA_SHIM_UNTRUSTED");
  };

  it("is read as it was written, and is nothing when it is not there", () => {
    expect(readClaim(roots(), name)).to.deep.equal(claim);
    rmSync(own(), { recursive: true });
    for (const read of readers) expect(read()).to.equal(undefined);
  });

  it("is not believed in a directory that others can write to, nor a file of that kind", () => {
    chmodSync(own(), 0o777);
    expectRefused();
    chmodSync(own(), 0o700);
    for (const file of ["daemon", "start.json"]) chmodSync(join(own(), file), 0o666);
    expectRefused();
  });

  it("is no link, and no fifo that would be waited for", () => {
    for (const file of ["daemon", "start.json"]) {
      renameSync(join(own(), file), join(directory.path, file));
      symlinkSync(join(directory.path, file), join(own(), file));
    }
    expectRefused();
    const elsewhere = join(directory.path, "elsewhere");
    renameSync(own(), elsewhere);
    symlinkSync(elsewhere, own());
    expectRefused();
  });

  it("is no more than so much", () => {
    for (const file of ["daemon", "start.json"]) writeFileSync(join(own(), file), " ".repeat(1 << 20));
    expectRefused();
  });

  it("is not written where others could", () => {
    const namespace = join(roots().run, ".shim", "other");
    mkdirSync(namespace, { mode: 0o777 });
    chmodSync(namespace, 0o777);
    const other = { namespace: "other", sandboxId: "pod" };
    expect(thrown(() => takeClaim(roots(), other, claim))).to.equal("KATA_SHIM_UNTRUSTED");
    expect(readClaim(roots(), { ...other, sandboxId: "none" })).to.equal(undefined);
  });

  it("of a sandbox's state holds the same", () => {
    const run = join(directory.path, "sandbox");
    mkdirSync(run, { mode: 0o700 });
    writeFileSync(join(run, "state.json"), "{}", { mode: 0o600 });
    const load = (): unknown => loadState(run, { namespace: "ns", id: "pod" });
    expect(thrown(load)).to.equal("KATA_RECOVER_STATE_VERSION");
    chmodSync(run, 0o777);
    expect(thrown(load)).to.equal("KATA_RECOVER_STATE_TRUST");
  });
});
