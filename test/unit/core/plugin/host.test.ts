import { expect } from "chai";
import { codeOf, KataError } from "../../../../src/core/errors/error.js";
import { definePlugin, type Plugin } from "../../../../src/core/plugin/plugin.js";
import { noConfig, schemaOf } from "../../../../src/core/plugin/standard-schema.js";
import { Runtime } from "../../../../src/core/runtime/runtime.js";
import { fakeSys } from "../../../../src/testing/fake-sys.js";

const service = (create: Plugin["create"], config: Plugin["config"] = noConfig): Plugin =>
  definePlugin<string, Plugin["config"]>({ api: 1, kind: "service", name: "test", config, create });

async function failure(plugin: Plugin, options?: unknown): Promise<{ error: unknown; runtime: Runtime }> {
  const runtime = new Runtime({ sys: fakeSys(), plugins: [{ plugin, origin: "package test" }] });
  const error: unknown = await runtime.createService("test", options).catch((cause: unknown) => cause);
  return { error, runtime };
}

describe("PluginHost", () => {
  it("names the plugin whose creation throws, keeps the cause, and undoes what it had opened", async () => {
    let closed = false;
    const { error, runtime } = await failure(
      service((ctx) => {
        ctx.scope.defer("opened", () => void (closed = true));
        throw new Error("no luck");
      }),
    );
    expect(codeOf(error)).to.equal("KATA_PLUGIN_CREATE");
    expect(String(error)).to.include("plugin service/test from package test could not be created");
    expect((error as Error).cause).to.have.property("message", "no luck");
    expect(closed).to.equal(true);
    expect(runtime.plugins.statuses()[0]).to.have.property("error", error instanceof KataError ? error.cause : error);
    await runtime.close();
  });

  it("passes on typed errors as they are", async () => {
    const thrown = new KataError("ACME_MISSING", "NOT_FOUND", "no acme");
    const { error, runtime } = await failure(
      service(() => {
        throw thrown;
      }),
    );
    expect(error).to.equal(thrown);
    await runtime.close();
  });

  it("says what is wrong with a plugin's configuration", async () => {
    const config = schemaOf(() => {
      throw new Error("size must be above 0");
    });
    const { error, runtime } = await failure(
      service(() => ({}), config),
      {},
    );
    expect(String(error)).to.include("the configuration of plugin service/test is not valid: size must be above 0");
    await runtime.close();
  });
});
