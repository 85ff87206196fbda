import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { TemplateDirectory } from "../../../../src/core/template/template-directory.js";
import { fakeSys } from "../../../../src/testing/fake-sys.js";
import { rejected, temporaryDirectory } from "../sys/fixture.js";

describe("the directory of a template", () => {
  const temporary = temporaryDirectory();
  const make = () => {
    const sys = fakeSys();
    return { sys, directory: new TemplateDirectory(sys, join(temporary.path, "vm/template")) };
  };

  it("is a file system in memory of its own, of no more than its size, for nobody else", async () => {
    const { sys, directory } = make();
    expect(directory.there).to.equal(false);
    await directory.make(12_345);
    expect(directory.there).to.equal(true);
    const [mount] = sys.mounts.list();
    expect(mount).to.deep.include({ mountPoint: directory.path, type: "tmpfs" });
    expect(mount?.options).to.include.members(["nosuid", "nodev", "noexec"]);
    expect(await directory.remove()).to.equal(true);
    expect(await directory.remove()).to.equal(false);
    expect(sys.mounts.list()).to.deep.equal([]);
    expect(readdirSync(join(temporary.path, "vm"))).to.deep.equal([]);
  });

  it("takes no place where something is, but a directory with nothing in it", async () => {
    const { directory } = make();
    mkdirSync(directory.path, { recursive: true });
    await directory.make(4096);
    expect(await rejected(() => directory.make(4096))).to.equal("KATA_TEMPLATE_EXISTS");
    await directory.remove();
    mkdirSync(directory.path);
    writeFileSync(join(directory.path, "something"), "");
    expect(await rejected(() => directory.make(4096))).to.equal("KATA_TEMPLATE_EXISTS");
    expect(await rejected(() => directory.remove())).to.include("ENOTEMPTY");
  });
});
