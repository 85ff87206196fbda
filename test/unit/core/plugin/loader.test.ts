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
    await loadPlugins(registry, { names, file: join(directory, "configuration.toml") }, importer);
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
    expect(error.message).to.include(`"@acme/nothing" named in ${directory}/configuration.toml: Cannot find module`);
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
    expect(codeOf(await failure(join(directory, "empty.mjs")))).to.equal("KATA_PLUGIN_SHAPE");
  });

  it("loads the example plugin, whose schema checks its configuration", async () => {
    const path = fileURLToPath(new URL("../../../../examples/plugin-scratch/index.js", import.meta.url));
    const { plugin } = (await load(path)).find("volume", "scratch", "test");
    const validate = (value: unknown) => plugin.config["~standard"].validate(value);
    expect(await validate({ size_mib: 64 })).to.deep.equal({ value: { size_mib: 64 } });
    expect(await validate({ size_mib: -1 })).to.have.property("issues");
  });
});
