import { expect } from "chai";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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
    runTool(process.execPath, ["node_modules/kata-ts/dist/lib/kata-ts.js", ...args], folder, {
      NODE_OPTIONS: "",
    });

  /** Writes a package for a plugin of the kind, as configuration can name it. */
  const write = (kind: string): string => {
    const made = kataTs("plugin", "new", kind, "mine");
    expect(made.status, made.stderr).to.equal(0);
    const directory = join(folder, `kata-ts-${kind}-mine`);
    symlinkSync(directory, join(folder, "node_modules", `kata-ts-${kind}-mine`));
    return directory;
  };

  /** What `kata-ts plugins` says of the plugins of these kinds when a configuration names their packages. */
  const listed = (kinds: readonly string[], chosen: string) => {
    const config = join(folder, "configuration.toml");
    const packages = kinds.map((kind) => `kata-ts-${kind}-mine`);
    writeFileSync(config, `plugins = ${JSON.stringify(packages)}\n${chosen}`, { mode: 0o600 });
    const { status, stdout, stderr } = kataTs("plugins", "--config", config, "--json");
    expect(status, stderr).to.equal(0);
    const plugins = JSON.parse(stdout) as { kind: string; name: string; origin: string; error?: string }[];
    return kinds.map((kind) => plugins.find((one) => one.kind === kind && one.name === "mine"));
  };

  for (const [kind, chosen] of [
    ["hypervisor", '[runtime]\nhypervisor_name = "mine"\n[hypervisor.mine]\nprogram = "/bin/vmm"\n'],
    ["endpoint", ""],
  ] as const) {
    it(`writes a plugin of the kind ${kind} that compiles, keeps its promises, and is loaded by a configuration`, () => {
      const directory = write(kind);
      // What `npm install` would do: its packages are those of the folder that it is in.
      const tested = runTool("npm", ["test"], directory, { NODE_OPTIONS: "" });
      expect(tested.status, tested.stdout + tested.stderr).to.equal(0);
      expect(tested.stdout)
        .to.match(/^. pass [1-9]\d*$/m)
        .and.match(/^. fail 0$/m);
      const [found] = listed([kind], chosen);
      expect(found?.origin).to.include(`package kata-ts-${kind}-mine`);
    }).timeout(120_000);
  }

  it("writes plugins of the other kinds that compile, keep their promises, and are loaded by a configuration together", () => {
    const kinds = ["handler", "agent", "share-fs", "cgroup"];
    const directories = kinds.map(write);
    // Compiled by one run of the compiler, as each of them says.
    const own = readFileSync(join(folder, "kata-ts-handler-mine/tsconfig.json"), "utf8");
    const { compilerOptions } = JSON.parse(own) as { compilerOptions: object };
    const include = kinds.map((kind) => `kata-ts-${kind}-mine/src`);
    const together = { compilerOptions: { ...compilerOptions, rootDir: ".", outDir: "built" }, include };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(together));
    const built = runTool("node_modules/.bin/tsc", [], folder, { NODE_OPTIONS: "" });
    expect(built.status, built.stdout + built.stderr).to.equal(0);
    for (const kind of kinds) {
      symlinkSync(`../built/kata-ts-${kind}-mine/src`, join(folder, `kata-ts-${kind}-mine/dist`));
    }
    const tests = directories.map((path) => join(path, "dist/conformance.test.js"));
    const tested = runTool(process.execPath, ["--test", ...tests], folder, { NODE_OPTIONS: "" });
    expect(tested.status, tested.stdout + tested.stderr).to.equal(0);
    expect(tested.stdout)
      .to.match(/^. pass [1-9]\d*$/m)
      .and.match(/^. fail 0$/m);

    const chosen =
      '[runtime]\nname = "mine"\nagent_name = "mine"\nhypervisor_name = "qemu"\n[hypervisor.qemu]\nshared_fs = "mine"\n';
    const origins = listed(kinds, chosen).map((found) => found?.origin ?? "nowhere");
    for (const [at, kind] of kinds.entries()) expect(origins[at]).to.include(`package kata-ts-${kind}-mine`);
  }).timeout(120_000);
});
