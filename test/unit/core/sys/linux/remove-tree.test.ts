import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { rejected, temporaryDirectory } from "../fixture.js";

describe("removing a tree", () => {
  const { files } = createLinuxSys();
  const temporary = temporaryDirectory();

  it("removes everything, also names that are no UTF-8", async () => {
    const name = Buffer.concat([Buffer.from(`${temporary.path}/tree/`), Buffer.from([0xff, 0x20, 0xfe])]);
    mkdirSync(join(temporary.path, "tree/a/b/c"), { recursive: true });
    mkdirSync(name);
    writeFileSync(Buffer.concat([name, Buffer.from("/x")]), "");
    for (let i = 0; i < 600; i++) writeFileSync(join(temporary.path, `tree/a/b/${i}`), "");
    await files.removeTreeBeneath(temporary.path, "tree");
    expect(readdirSync(temporary.path)).to.deep.equal([]);
  });

  it("removes links and not what they lead to", async () => {
    mkdirSync(join(temporary.path, "outside"));
    writeFileSync(join(temporary.path, "outside/kept"), "");
    mkdirSync(join(temporary.path, "tree"));
    symlinkSync("../outside", join(temporary.path, "tree/link"));
    symlinkSync("outside", join(temporary.path, "top"));
    await files.removeTreeBeneath(temporary.path, "tree");
    await files.removeTreeBeneath(temporary.path, "top");
    expect(readdirSync(temporary.path)).to.deep.equal(["outside"]);
    expect(existsSync(join(temporary.path, "outside/kept"))).to.equal(true);
  });

  it("removes nothing by way of a link", async () => {
    mkdirSync(join(temporary.path, "outside/kept"), { recursive: true });
    symlinkSync("outside", join(temporary.path, "link"));
    expect(await rejected(() => files.removeTreeBeneath(temporary.path, "link/kept"))).to.equal("ELOOP");
    expect(await rejected(() => files.removeTreeBeneath(temporary.path, "outside/../outside"))).to.equal(
      "KATA_SYS_PATH",
    );
    expect(await rejected(() => files.removeTreeBeneath(temporary.path, "."))).to.equal("KATA_SYS_PATH");
    expect(existsSync(join(temporary.path, "outside/kept"))).to.equal(true);
  });

  it("is content when there is nothing", async () => {
    await files.removeTreeBeneath(temporary.path, "none");
    await files.removeTreeBeneath(temporary.path, "none/at/all");
    writeFileSync(join(temporary.path, "file"), "");
    await files.removeTreeBeneath(temporary.path, "file");
    expect(readdirSync(temporary.path)).to.deep.equal([]);
  });

  it("is not stopped by depth", async () => {
    const depth = 700;
    mkdirSync(join(temporary.path, "tree", ...Array.from({ length: depth }, () => "d")), { recursive: true });
    const open = readdirSync("/proc/self/fd").length;
    await files.removeTreeBeneath(temporary.path, "tree");
    expect(existsSync(join(temporary.path, "tree"))).to.equal(false);
    expect(readdirSync("/proc/self/fd")).to.have.length(open);
  });
});
