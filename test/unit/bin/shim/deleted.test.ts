import { execFileSync } from "node:child_process";
import {
  chownSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { readDeleted, writeDeleted } from "../../../../src/bin/shim/deleted.js";
import { needsRoot } from "../../../support/needs-root.js";

describe("the answer to a deletion, in a bundle", () => {
  let bundle: string;
  let file: string;
  const answer = Uint8Array.of(8, 1, 16, 137);

  beforeEach(() => {
    bundle = mkdtempSync(join(tmpdir(), "kata-ts-bundle-"));
    file = join(bundle, "deleted");
  });
  afterEach(() => rmSync(bundle, { recursive: true, force: true }));

  it("is found again, by this user alone, in place of an earlier one", () => {
    writeDeleted(bundle, Uint8Array.of(1));
    writeDeleted(bundle, answer);
    expect([...(readDeleted(bundle) ?? [])]).to.deep.equal([...answer]);
    expect(lstatSync(file).mode & 0o777).to.equal(0o600);
  });

  it("is not written through a link that somebody has put there", () => {
    const victim = join(bundle, "victim");
    writeFileSync(victim, "precious");
    symlinkSync("victim", file);
    writeDeleted(bundle, answer);
    expect(readFileSync(victim, "utf8")).to.equal("precious");
    expect(lstatSync(file).isFile()).to.equal(true);
  });

  it("is none where there is none, or what no shim has left: a link, a fifo that nobody writes, too much", () => {
    expect(readDeleted(bundle)).to.equal(undefined);
    expect(readDeleted(join(bundle, "gone"))).to.equal(undefined);
    writeFileSync(join(bundle, "other"), answer);
    symlinkSync("other", file);
    expect(readDeleted(bundle)).to.equal(undefined);
    rmSync(file);
    execFileSync("mkfifo", [file]);
    expect(readDeleted(bundle)).to.equal(undefined);
    rmSync(file);
    writeFileSync(file, answer);
    truncateSync(file, 2 ** 40);
    expect(readDeleted(bundle)).to.equal(undefined);
  });

  it("is none of another user's", function () {
    needsRoot(this);
    writeDeleted(bundle, answer);
    chownSync(file, 12_345, 0);
    expect(readDeleted(bundle)).to.equal(undefined);
  });
});
