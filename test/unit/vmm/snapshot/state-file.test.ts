import { chmodSync, chownSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { createLinuxSys } from "../../../../src/core/sys/linux/index.js";
import { readState, writeState } from "../../../../src/vmm/snapshot/state-file.js";
import { someState } from "../../../support/vmm/saved-state.js";
import { rejected, temporaryDirectory, thrown } from "../../core/sys/fixture.js";

describe("the state of a saved machine", () => {
  const { files } = createLinuxSys();
  const directory = temporaryDirectory();
  let path: string;

  beforeEach(async () => {
    path = join(directory.path, "state");
    await writeState(files, path, someState());
  });

  /** Writes the file anew, with a text changed. */
  const change = (from: string | RegExp, to: string): void => {
    const text = readFileSync(path, "utf8");
    const changed = text.replace(from, to);
    expect(changed, "the test changes something").to.not.equal(text);
    writeFileSync(path, changed);
  };

  it("is read as it was written, from a file of its owner's alone", () => {
    expect(readState(path)).to.deep.equal(someState());
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    expect(readdirSync(directory.path)).to.deep.equal(["state"]);
  });

  it("is not read when it is cut off, wherever that is", () => {
    const text = readFileSync(path);
    fc.assert(
      fc.property(fc.nat(text.length - 2), (length) => {
        writeFileSync(path, text.subarray(0, length));
        expect(thrown(() => readState(path))).to.equal("KATA_VMM_SNAPSHOT_STATE");
      }),
    );
  });

  it("is not read when anything of it has changed", () => {
    const text = readFileSync(path);
    const start = text.indexOf('"machine":') + 10;
    fc.assert(
      fc.property(fc.integer({ min: start, max: text.length - 3 }), fc.integer({ min: 1, max: 127 }), (at, by) => {
        const changed = Buffer.from(text);
        changed.writeUInt8(changed.readUInt8(at) ^ by, at);
        writeFileSync(path, changed);
        expect(thrown(() => readState(path))).to.equal("KATA_VMM_SNAPSHOT_STATE");
      }),
    );
  });

  it("is not read when it is of a later format, and says whose", () => {
    change('"format":1,"producer":"kata-ts"', '"format":2,"producer":"kata-ts of tomorrow"');
    expect(() => readState(path))
      .to.throw("format 2, written by kata-ts of tomorrow")
      .with.property("code", "KATA_VMM_SNAPSHOT_FORMAT");
  });

  it("is not read when it is of another architecture", () => {
    change(`"architecture":"${process.arch}"`, '"architecture":"riscv64"');
    expect(thrown(() => readState(path))).to.equal("KATA_VMM_SNAPSHOT_ARCHITECTURE");
  });

  it("is not read when others may have written it, or can read it", function () {
    for (const mode of [0o640, 0o604, 0o620, 0o666]) {
      chmodSync(path, mode);
      expect(
        thrown(() => readState(path)),
        mode.toString(8),
      ).to.equal("KATA_VMM_SNAPSHOT_OWNER");
    }
    chmodSync(path, 0o600);
    const link = join(directory.path, "link");
    symlinkSync(path, link);
    expect(thrown(() => readState(link))).to.equal("KATA_VMM_SNAPSHOT_OWNER");
    expect(thrown(() => readState(directory.path))).to.equal("KATA_VMM_SNAPSHOT_OWNER");
    if (process.geteuid?.() !== 0) return;
    chownSync(path, 12_345, 0);
    expect(thrown(() => readState(path))).to.equal("KATA_VMM_SNAPSHOT_OWNER");
  });

  it("is not there", () => {
    expect(thrown(() => readState(join(directory.path, "none")))).to.equal("KATA_VMM_SNAPSHOT_MISSING");
  });

  it("leaves nothing when it cannot be written", async () => {
    const nowhere = join(directory.path, "none", "state");
    expect(await rejected(() => writeState(files, nowhere, someState()))).to.include("ENOENT");
    expect(readdirSync(directory.path)).to.deep.equal(["state"]);
  });
});
