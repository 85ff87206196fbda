import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { makeDirectories } from "../../../src/core/make-directories.js";
import { temporaryDirectory } from "./sys/fixture.js";

describe("makeDirectories", () => {
  const directory = temporaryDirectory();

  it("makes all that are missing, and none that is there", () => {
    const path = join(directory.path, "a/b/c");
    makeDirectories(path, 0o711);
    makeDirectories(path, 0o700);
    expect(statSync(path).mode & 0o777).to.equal(0o711);
  });

  it("fails below a file", () => {
    const file = join(directory.path, "file");
    writeFileSync(file, "");
    expect(() => makeDirectories(join(file, "below"), 0o700)).to.throw("ENOTDIR");
  });

  it("fails, and ends, where a file system takes no directories", () => {
    // In a process of its own: one that hangs hangs nobody else.
    const module = pathToFileURL(join(import.meta.dirname, "../../../src/core/make-directories.js")).href;
    const program = `const { makeDirectories } = await import(${JSON.stringify(module)}); makeDirectories("/proc/nowhere/below", 0o700)`;
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
      timeout: 10_000,
    });
    expect(status).to.equal(1);
    expect(stderr).to.include("ENOENT");
  });
});
