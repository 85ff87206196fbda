import { expect } from "chai";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { effectiveConfig, readConfig } from "../../../src/core/config/load.js";
import type { PluginKind } from "../../../src/core/plugin/kinds.js";
import { defaultRoots } from "../../../src/core/runtime/roots.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { builtins } from "../../../src/plugins/builtins.js";
import type { MatchedKind } from "../../../src/testing/index.js";
import { builtinExtensions } from "../../support/config-schema.js";
import { builtinScores } from "../../support/match-scores.js";
import { tabledCodes } from "../../support/error-tables.js";
import { projectDirectory } from "../../support/project.js";
import { expectFresh, isWriting } from "../../support/reference.js";
import {
  findingNames,
  kindPages,
  pluginFolders,
  renderKind,
  renderPlugin,
  renderPluginIndex,
} from "../../support/render-plugins.js";

const directory = "docs/plugins";

describe("the pages of plugins", () => {
  const folders = pluginFolders();
  const kinds = Object.keys(kindPages) as PluginKind[];
  const named = builtinExtensions.map(({ kind, name }) => `${kind}/${name}`);

  it("have a folder and a sentence of each built-in plugin, and no others", () => {
    expect([...folders.keys()].sort()).to.deep.equal([...named].sort());
    for (const [id, { summary }] of folders) expect(summary, id).to.match(/^.{15,400}\.$/);
  });

  it("are as the plugins are", async () => {
    const codes = await tabledCodes();
    for (const extension of builtinExtensions) {
      const folder = folders.get(`${extension.kind}/${extension.name}`);
      if (folder === undefined) throw new Error(`no folder of ${extension.kind}/${extension.name}`);
      expectFresh(`${directory}/${extension.kind}-${extension.name}.md`, renderPlugin(extension, folder, codes));
    }
  });

  it("are as the kinds are, with what the plugins give that are chosen by that", async () => {
    for (const kind of kinds) {
      const scores = kind in builtinScores ? await builtinScores[kind as MatchedKind]() : undefined;
      const ofKind = builtinExtensions.filter((one) => one.kind === kind).map(({ name }) => name);
      if (scores !== undefined) expect([...scores.keys()], kind).to.have.members(ofKind);
      for (const [name, score] of scores ?? []) expect(score, `${kind}/${name}`).to.be.above(0);
      expectFresh(`${directory}/${kind}.md`, renderKind(kind, folders, scores));
    }
    expectFresh(`${directory}/README.md`, renderPluginIndex());
  });

  it("are of what there is", () => {
    const wanted = [...kinds, ...named.map((id) => id.replace("/", "-")), "README"].map((name) => `${name}.md`);
    const there = readdirSync(join(projectDirectory(), directory));
    const left = there.filter((name) => !wanted.includes(name));
    if (isWriting) for (const name of left) rmSync(join(projectDirectory(), directory, name));
    else expect(left).to.deep.equal([]);
  });

  it("name everything that a check of this host finds", async () => {
    const config = effectiveConfig(await readConfig({ searchPaths: [], env: {} }), {
      checkFiles: false,
      extensions: builtinExtensions,
    });
    const context = { sys: createLinuxSys(), roots: defaultRoots, config };
    let checked = 0;
    for (const [at, { plugin }] of builtins.entries()) {
      const kind = builtinExtensions[at]?.kind ?? "";
      // What is of another hypervisor's settings cannot be asked of these.
      if (kind === "hypervisor" && plugin.name !== config.runtime.hypervisor_name) continue;
      const found = (await plugin.check?.(context)) ?? [];
      const known = findingNames(folders.get(`${kind}/${plugin.name}`)?.folder ?? "");
      for (const { name } of found) expect(known, `${kind}/${plugin.name}`).to.include(name);
      checked += found.length;
    }
    expect(checked, "findings").to.be.above(0);
  });
});
