import { expect } from "chai";
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { installPacked, type Packed, packProject } from "../../support/packed.js";
import { projectDirectory } from "../../support/project.js";
import { runTool } from "../../support/run-tool.js";

/** What a plugin's own package needs to compile. */
const compiler = [
  "typescript",
  ...readdirSync(join(projectDirectory(), "node_modules/@typescript")).map((name) => `@typescript/${name}`),
  "@types/node",
  "undici-types",
];

/** As a new user begins: with the package installed in a folder, and nothing else of this project. */
describe("kata-ts plugin new, in a user's folder", () => {
  let packed: Packed;
  let folder: string;

  before(() => {
    packed = packProject();
    folder = installPacked(packed.tarball, compiler);
    mkdirSync(join(folder, "node_modules/.bin"));
    symlinkSync("../typescript/bin/tsc", join(folder, "node_modules/.bin/tsc"));
  });
  after(() => {
    packed.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const kataTs = (...args: readonly string[]) =>
    runTool(process.execPath, ["node_modules/kata-ts/dist/src/bin/kata-ts/main.js", ...args], folder, {
      NODE_OPTIONS: "",
    });

  for (const [kind, selected] of [
    ["hypervisor", "hypervisor_name"],
    ["endpoint", undefined],
  ] as const) {
    it(`writes a plugin of the kind ${kind} that compiles, keeps its promises, and is loaded by a configuration`, () => {
      const made = kataTs("plugin", "new", kind, "mine");
      expect(made.status, made.stderr).to.equal(0);
      const directory = join(folder, `kata-ts-${kind}-mine`);
      // What `npm install` would do: its packages are those of the folder that it is in.
      const tested = runTool("npm", ["test"], directory, { NODE_OPTIONS: "" });
      expect(tested.status, tested.stdout + tested.stderr).to.equal(0);
      expect(tested.stdout)
        .to.match(/^. pass [1-9]\d*$/m)
        .and.match(/^. fail 0$/m);

      symlinkSync(directory, join(folder, "node_modules", `kata-ts-${kind}-mine`));
      const config = join(folder, "configuration.toml");
      const choice =
        selected === undefined ? "" : `[runtime]\n${selected} = "mine"\n[hypervisor.mine]\nprogram = "/bin/vmm"\n`;
      writeFileSync(config, `plugins = ["kata-ts-${kind}-mine"]\n${choice}`, { mode: 0o600 });
      const listed = kataTs("plugins", "--config", config, "--json");
      expect(listed.status, listed.stderr).to.equal(0);
      const plugins = JSON.parse(listed.stdout) as { kind: string; name: string; origin: string; chosen?: boolean }[];
      const found = plugins.find((one) => one.kind === kind && one.name === "mine");
      expect(found?.origin).to.include(`package kata-ts-${kind}-mine`);
    }).timeout(120_000);
  }
});
