import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kindTable } from "../../src/core/plugin/kind-table.js";
import { newPluginFiles, templateKinds, writeNewPlugin } from "../../src/bin/kata-ts/new-plugin.js";
import { projectDirectory } from "../support/project.js";

/** Lines that a plugin's author needs to write, at most. */
const mostLines: Readonly<Record<string, number>> = { hypervisor: 80, endpoint: 40 };

describe("the templates of plugins", () => {
  for (const kind of templateKinds()) {
    it(`of the kind ${kind} keeps what that promises`, () => {
      const file = join(projectDirectory(), "dist/templates", kind, "conformance.js");
      const { status, stdout, stderr } = spawnSync(process.execPath, ["--test", file], { encoding: "utf8" });
      expect(status, stdout + stderr).to.equal(0);
      expect(stdout)
        .to.match(/^. pass [1-9]\d*$/m)
        .and.match(/^. fail 0$/m);
    }).timeout(60_000);

    it(`of the kind ${kind} has the plugin's own name wherever it has one`, () => {
      const files = newPluginFiles(kind, "my-own");
      for (const [path, text] of files) expect(text, path).to.not.match(/example/i);
      expect(files.get("src/index.ts")).to.include('name: "my-own"');
      expect(JSON.parse(files.get("package.json") ?? "")).to.include({ name: `kata-ts-${kind}-my-own` });
    });
  }

  it("are there for every kind", () => {
    expect(templateKinds()).to.deep.equal(Object.keys(kindTable).toSorted());
  });

  it("are short", () => {
    for (const [kind, most] of Object.entries(mostLines)) {
      const lines = newPluginFiles(kind, "x").get("src/index.ts")?.trimEnd().split("\n") ?? [];
      expect(lines.length, kind).to.be.within(1, most);
    }
  });

  it("are written where nothing is yet", () => {
    const directory = mkdtempSync(join(tmpdir(), "kata-ts-new-"));
    try {
      const target = join(directory, "plugin");
      const paths = writeNewPlugin("volume", "scratch", target);
      expect(paths).to.include(join(target, "src/index.ts"));
      expect(readFileSync(join(target, "configuration.toml"), "utf8")).to.include('"kata-ts-volume-scratch"');
      expect(() => writeNewPlugin("volume", "scratch", target)).to.throw("is there already");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("are refused for what is no kind or no name, with what there is", () => {
    expect(() => writeNewPlugin("flux", "a", "/nowhere")).to.throw(
      '"flux"; there are: agent, block-driver, cgroup, endpoint',
    );
    for (const name of ["", "../up", "Upper", "a/b", "a".repeat(41), "-a", "a\n"]) {
      expect(() => writeNewPlugin("volume", name, "/nowhere"), JSON.stringify(name)).to.throw(
        "is no name for a plugin",
      );
    }
  });
});
