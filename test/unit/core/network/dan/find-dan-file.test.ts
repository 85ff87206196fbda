import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { codeOf, messageOf } from "../../../../../src/core/errors/error.js";
import { type FoundDan, findDanFile, readDanFile } from "../../../../../src/core/network/dan/find-dan-file.js";
import { skip } from "../../../../support/skip.js";

const asked = "runtime.dan_conf, /etc/kata.toml:3";

describe("the DAN file of a sandbox", () => {
  let root: string;
  let directory: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "kata-ts-dan-"));
    directory = join(root, "dans");
    mkdirSync(directory);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const path = (name = "pod.json") => join(directory, name);

  function find(): FoundDan {
    const found = findDanFile(directory, "pod", asked);
    if (found === undefined) throw new Error("there is no file");
    return found;
  }

  function refusal(act: () => unknown): string {
    try {
      act();
    } catch (error) {
      return `${codeOf(error)} ${messageOf(error)}`;
    }
    throw new Error("it was not refused");
  }
  const refusalOfRead = () => refusal(() => readDanFile(find()));

  it("is the one with its name, when there is one", () => {
    expect(findDanFile(directory, "pod", asked)).to.equal(undefined);
    expect(findDanFile(join(root, "nowhere"), "pod", asked)).to.equal(undefined);
    expect(findDanFile("", "pod", asked)).to.equal(undefined);
    writeFileSync(path("pod.json"), "\uFEFF{}");
    writeFileSync(path("other.json"), "[]");
    expect(readDanFile(find())).to.equal("{}");
  });

  it("is never one that is elsewhere", () => {
    writeFileSync(join(root, "pod.json"), "{}");
    const away = findDanFile(directory, "../pod", asked);
    expect(away?.file).to.equal(join(root, "pod.json"));
    symlinkSync(join(root, "pod.json"), path());
    expect(refusalOfRead()).to.match(
      /^KATA_DAN_UNTRUSTED .*\/dans\/pod\.json \(runtime\.dan_conf, .*it leads to .*\/pod\.json;/,
    );
  });

  it("may be a link to another of its directory, and its directory a link", () => {
    writeFileSync(path("other.json"), "{}");
    symlinkSync("other.json", path());
    symlinkSync("dans", join(root, "link"));
    const found = findDanFile(join(root, "link"), "pod", asked);
    expect(found && readDanFile(found)).to.equal("{}");
  });

  it("is refused when others may write it, or its directory", () => {
    writeFileSync(path(), "{}");
    chmodSync(path(), 0o664);
    expect(refusalOfRead()).to.match(/^KATA_DAN_UNTRUSTED .*pod\.json can be written by group or others \(mode 664\)/);
    chmodSync(path(), 0o644);
    chmodSync(directory, 0o777);
    expect(refusalOfRead()).to.match(/^KATA_DAN_UNTRUSTED .*dans can be written by group or others/);
  });

  it("is refused when it is another user's", function () {
    if (process.getuid?.() !== 0) skip(this, "giving a file away needs root");
    writeFileSync(path(), "{}");
    chownSync(path(), 12_345, 0);
    expect(refusalOfRead()).to.match(/^KATA_DAN_UNTRUSTED .*belongs to user 12345/);
  });

  it("is refused when it cannot be read, and never taken for one that is not there", () => {
    symlinkSync("gone.json", path());
    expect(refusalOfRead()).to.match(/^KATA_DAN_READ .*ENOENT.*remove that file/);
    rmSync(path());
    mkdirSync(path());
    expect(refusalOfRead()).to.match(/^KATA_DAN_READ .*it is no file/);
    rmSync(path(), { recursive: true });
    execFileSync("mkfifo", ["-m", "600", path()]);
    expect(refusalOfRead()).to.match(/^KATA_DAN_READ .*it is no file/);
    rmSync(directory, { recursive: true });
    writeFileSync(directory, "");
    expect(refusal(find)).to.match(/^KATA_DAN_READ .*ENOTDIR/);
  });

  it("is refused when it is too large, or no text", () => {
    writeFileSync(path(), Buffer.alloc(1024 * 1024 + 1, " "));
    expect(refusalOfRead()).to.match(/^KATA_DAN_READ .*it has 1048577 bytes, and 1048576 are the most/);
    writeFileSync(path(), Buffer.from([0x22, 0xff, 0x22]));
    expect(refusalOfRead()).to.match(/^KATA_DAN_SYNTAX .*not JSON in UTF-8/);
  });
});
