import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { removeBundle } from "../../../../guest/agent/container/remove-bundle.js";
import { needsRoot } from "../../sys/fixture.js";

describe("the bundle of a container that is removed", () => {
  let directory: string;
  let root: string;

  before(function () {
    needsRoot(this);
  });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kata-bundle-"));
    root = join(directory, "box/rootfs");
    mkdirSync(root, { recursive: true });
    writeFileSync(join(directory, "box/config.json"), "{}");
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it("goes with all that is in it, once", () => {
    writeFileSync(join(root, "file"), "");
    removeBundle(join(directory, "box"));
    expect(existsSync(join(directory, "box"))).to.equal(false);
    removeBundle(join(directory, "box"));
  });

  it("stays while a file system is mounted in it, and so do its files", () => {
    execFileSync("mount", ["-t", "tmpfs", "kata-bundle", root]);
    try {
      writeFileSync(join(root, "file"), "");
      removeBundle(join(directory, "box"));
      expect(existsSync(join(root, "file"))).to.equal(true);
    } finally {
      execFileSync("umount", [root]);
    }
    removeBundle(join(directory, "box"));
    expect(existsSync(join(directory, "box"))).to.equal(false);
  });
});
