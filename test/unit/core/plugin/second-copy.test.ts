import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { KataError } from "../../../../src/core/errors/error.js";
import { Runtime } from "../../../../src/core/runtime/runtime.js";
import { fakeSys } from "../../../../src/testing/fake-sys.js";

const library = fileURLToPath(new URL("../../../../src", import.meta.url));

/** Uses at run time what a plugin gets by with as types. */
const source = `
import { definePlugin, noConfig, requireCapability, taskExited } from "kata-ts/plugin";
const of = (name, create) => definePlugin({ api: 1, kind: "service", name, config: noConfig, create });
const idle = { start: async () => undefined, close: async () => undefined, destroy: async () => undefined };
export const heard = [];
export const plugins = [
  of("hears", ({ events }) => {
    events.subscribe(taskExited, "a copy", ({ pid }) => heard.push(pid));
    return { ...idle, name: "hears", finished: Promise.resolve() };
  }),
  of("fails", () => requireCapability({ name: "acme", capability: () => undefined }, "pause", "pausing")),
];
`;

describe("a package with a copy of kata-ts of its own", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "kata-ts-copy-"));
    const installed = join(directory, "node_modules/@acme/copy");
    const copy = join(installed, "node_modules/kata-ts");
    await mkdir(join(copy, "core"), { recursive: true });
    for (const part of ["plugin.js", "core/dispatch", "core/errors", "core/messages", "core/plugin", "core/config"]) {
      await cp(join(library, part), join(copy, part), { recursive: true });
    }
    const exports = { "./plugin": "./plugin.js" };
    await writeFile(join(copy, "package.json"), JSON.stringify({ name: "kata-ts", type: "module", exports }));
    const manifest = { name: "@acme/copy", type: "module", exports: "./index.js" };
    await writeFile(join(installed, "package.json"), JSON.stringify(manifest));
    await writeFile(join(installed, "index.js"), source);
  });
  after(() => rm(directory, { recursive: true }));

  const open = async (tables = ""): Promise<Runtime> => {
    const configPath = join(directory, "configuration.toml");
    await writeFile(configPath, `plugins = ["@acme/copy"]\n${tables}`, { mode: 0o600 });
    return new Runtime({ plugins: [], sys: fakeSys(), configPath });
  };

  it("is heard of messages and events, which are told apart by their names", async () => {
    await using runtime = await open();
    await runtime.createService("hears", undefined);
    const { taskExited } = await import("../../../../src/core/messages/events.js");
    const id = { containerId: "a", execId: "" };
    runtime.events.publish(taskExited, { id, pid: 7, exit: { status: 0, exitedAt: new Date() } });
    const { heard } = (await import(join(directory, "node_modules/@acme/copy/index.js"))) as { heard: number[] };
    expect(heard).to.deep.equal([7]);
  });

  it("has its errors known as what they are", async () => {
    await using runtime = await open();
    const error: unknown = await runtime.createService("fails", undefined).catch((cause: unknown) => cause);
    expect(error).to.be.instanceOf(KataError);
    expect(error).to.include({ code: "KATA_CAPABILITY", status: "UNIMPLEMENTED" });
    expect(Object.getPrototypeOf(error)).to.not.equal(KataError.prototype);
  });

  it("has a plugin without configuration refuse keys, also when it is that copy which says so", async () => {
    await using runtime = await open("[service.hears]\nvolume = 11\n");
    const error: unknown = await runtime.config().catch((cause: unknown) => cause);
    expect(String(error)).to.include("service.hears.volume is not a known key");
  });
});
