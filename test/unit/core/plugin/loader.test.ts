import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { codeOf } from "../../../../src/core/errors/error.js";
import { loadPlugins } from "../../../../src/core/plugin/loader.js";
import { Registry } from "../../../../src/core/plugin/registry.js";

const importer = (url: string): Promise<unknown> => import(url);
const schema = `{ "~standard": { version: 1, vendor: "x", validate: (value) => ({ value }) } }`;
const source = `export const plugin = { api: 1, kind: "volume", name: "acme", config: ${schema}, create: () => ({}) };`;

describe("loadPlugins", () => {
  let directory: string;
  const load = async (...names: string[]): Promise<Registry> => {
    const registry = new Registry();
    await loadPlugins(registry, { names, file: join(directory, "configuration.toml") }, { importer });
    return registry;
  };
  const failure = (...names: string[]): Promise<Error> =>
    load(...names).then(
      () => expect.fail("it should have failed"),
      (error: unknown) => error as Error,
    );

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "kata-ts-loader-"));
    const pkg = join(directory, "node_modules", "@acme", "volume");
    await mkdir(pkg, { recursive: true });
    await writeFile(
      join(pkg, "package.json"),
      JSON.stringify({ name: "@acme/volume", type: "module", exports: "./index.js" }),
    );
    await writeFile(join(pkg, "index.js"), source);
  });
  afterEach(() => rm(directory, { recursive: true }));

  it("resolves a package from the place of the file that names it", async () => {
    const registration = (await load("@acme/volume")).find("volume", "acme", "test");
    expect(registration.origin).to.match(/^package @acme\/volume \(.*\/node_modules\/@acme\/volume\/index\.js\)$/);
  });

  it("loads an absolute path", async () => {
    await load(join(directory, "node_modules/@acme/volume/index.js"));
  });

  it("says what is wrong with one that is not there, naming the file", async () => {
    const error = await failure("@acme/nothing");
    expect(codeOf(error)).to.equal("KATA_PLUGIN_LOAD");
    expect(error.message).to.include(`"@acme/nothing" named in ${directory}/configuration.toml: it is not installed`);
    expect(error.message).to.include(`npm install --prefix ${directory} @acme/nothing`);
  });

  it("refuses a relative path", async () => {
    expect((await failure("./x.js")).message).to.include("only package names and absolute paths");
  });

  it("refuses what others may write", async () => {
    await chmod(join(directory, "node_modules", "@acme"), 0o777);
    expect((await failure("@acme/volume")).message).to.match(/@acme can be written by group or others \(mode 777\)/);
  });

  it("keeps the cause of one that throws while it loads", async () => {
    await writeFile(join(directory, "broken.mjs"), "throw new Error('broken inside');");
    const error = await failure(join(directory, "broken.mjs"));
    expect(error.message).to.include("broken inside");
    expect(error.cause).to.be.instanceOf(Error);
  });

  it("refuses a module that exports no plugin", async () => {
    await writeFile(join(directory, "empty.mjs"), "export const x = 1;");
    const error = await failure(join(directory, "empty.mjs"));
    expect(codeOf(error)).to.equal("KATA_PLUGIN_LOAD");
    expect(error.message)
      .to.include('empty.mjs exports no "plugin", no list "plugins"')
      .and.to.include("it exports: x");
  });

  it("registers all of a package or nothing, and names the one that is wrong by its place", async () => {
    const two = source.replace("export const plugin =", "export const plugins = [").replace(/;$/, ", { api: 1 }];");
    await writeFile(join(directory, "two.mjs"), two);
    const registry = new Registry();
    const packages = { names: [join(directory, "two.mjs")], file: join(directory, "configuration.toml") };
    const error: unknown = await loadPlugins(registry, packages, { importer }).catch((cause: unknown) => cause);
    expect(codeOf(error)).to.equal("KATA_PLUGIN_SHAPE");
    expect(String(error)).to.include('two.mjs), plugins[1] is not a plugin: "kind" is missing');
    expect(registry.list()).to.deep.equal([]);
  });

  it("cuts off a package whose code never ends, and names it", async () => {
    await writeFile(join(directory, "hang.mjs"), "await new Promise(() => undefined);");
    const packages = { names: [join(directory, "hang.mjs")], file: join(directory, "configuration.toml") };
    const loading = loadPlugins(new Registry(), packages, { importer, ms: 20 });
    const error: unknown = await loading.catch((cause: unknown) => cause);
    expect(codeOf(error)).to.equal("KATA_PLUGIN_LOAD");
    expect(String(error)).to.match(/waited 20 ms for the code of .*hang\.mjs to be loaded/);
  });

  it("says how to see where a module cannot be read", async () => {
    await writeFile(join(directory, "typo.mjs"), "\nexport const plugin = ;\n");
    expect((await failure(join(directory, "typo.mjs"))).message).to.match(
      /Unexpected token ';'; "node \/.*typo\.mjs" shows where$/,
    );
  });

  for (const [what, text] of [
    ["module.exports.plugin", "module.exports.plugin = plugin;"],
    ["module.exports = { plugin }", "module.exports = { plugin: Object.freeze(plugin) };"],
    ["module.exports = [ … ]", "module.exports = [plugin];"],
    ["module.exports = plugin", "module.exports = plugin;"],
    ["a default export that TypeScript compiled", "exports.__esModule = true; exports.default = plugin;"],
  ] as const) {
    it(`takes a plugin of CommonJS: ${what}`, async () => {
      await writeFile(join(directory, "old.cjs"), `${source.replace("export ", "")}\n${text}`);
      const registry = await load(join(directory, "old.cjs"));
      expect(registry.list().map(({ id }) => id)).to.deep.equal([{ kind: "volume", name: "acme" }]);
    });
  }

  for (const [what, exports] of [
    ["only to who imports", { ".": { types: "./index.d.ts", import: "./index.js" } }],
    ["without subpaths", { import: { default: "./index.js" } }],
    ["in a list", [{ deno: "./deno.js" }, "./index.js"]],
  ] as const) {
    it(`finds the file of a package that gives it ${what}`, async () => {
      const manifest = { name: "@acme/volume", type: "module", exports };
      await writeFile(join(directory, "node_modules/@acme/volume/package.json"), JSON.stringify(manifest));
      expect((await load("@acme/volume")).find("volume", "acme", "test").id.name).to.equal("acme");
    });
  }

  it("asks whether a package is built whose file is not there", async () => {
    const manifest = { name: "@acme/volume", type: "module", main: "./dist/index.js" };
    await writeFile(join(directory, "node_modules/@acme/volume/package.json"), JSON.stringify(manifest));
    await rm(join(directory, "node_modules/@acme/volume/index.js"));
    expect((await failure("@acme/volume")).message).to.match(
      /dist\/index\.js, which is not there; is the package built\?/,
    );
  });

  it("loads the template of a volume plugin, whose schema checks its configuration", async () => {
    const path = fileURLToPath(new URL("../../../../templates/volume/index.js", import.meta.url));
    const { plugin } = (await load(path)).find("volume", "example", "test");
    const validate = (value: unknown) => plugin.config["~standard"].validate(value);
    expect(await validate({ size_mib: 64 })).to.deep.equal({ value: { size_mib: 64 } });
    expect(await validate({ size_mib: -1 })).to.have.property("issues");
  });
});
