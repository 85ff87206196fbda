import { expect } from "chai";
import { codeOf, KataError } from "../../../../src/core/errors/error.js";
import { createLogger } from "../../../../src/core/log.js";
import type { PluginContext } from "../../../../src/core/plugin/context.js";
import type { KindRef } from "../../../../src/core/plugin/kinds.js";
import type { LoadNode } from "../../../../src/core/plugin/load-tree.js";
import { definePlugin, type Plugin } from "../../../../src/core/plugin/plugin.js";
import { noConfig, schemaOf, type StandardSchema } from "../../../../src/core/plugin/standard-schema.js";
import { Runtime } from "../../../../src/core/runtime/runtime.js";
import { fakeSys } from "../../../../src/testing/fake-sys.js";

/** A service that does nothing. */
const idle = {
  name: "test",
  start: async () => undefined,
  close: async () => undefined,
  destroy: async () => undefined,
  finished: new Promise<void>(() => undefined),
};

/** A plugin as JavaScript may write it: nothing of it is checked by the compiler. */
const wild = (
  kind: KindRef,
  name: string,
  create: (ctx: PluginContext) => unknown,
  more: Partial<Plugin> = {},
): Plugin => ({ api: 1, kind, name, config: noConfig, create, ...more });

class Scene {
  readonly lines: string[] = [];
  readonly runtime: Runtime;

  constructor(...plugins: readonly Plugin[]) {
    this.runtime = new Runtime({
      sys: fakeSys(),
      log: createLogger((line) => this.lines.push(line)),
      createTime: 30,
      plugins: plugins.map((plugin) => ({ plugin, origin: `package ${plugin.name}` })),
    });
  }

  async failure(options?: unknown): Promise<Error> {
    return this.runtime.createService("test", options).then(
      () => expect.fail("it should have failed"),
      (error: unknown) => error as Error,
    );
  }

  nodes(): readonly LoadNode[] {
    return this.runtime.plugins.tree().flatMap(({ children }) => children);
  }
}

const failureOf = (...plugins: readonly Plugin[]): Promise<Error> => new Scene(...plugins).failure();

/** A service that asks for others while it is made. */
const asking = (ask: (ctx: PluginContext) => Promise<unknown>): Plugin =>
  wild("service", "test", async (ctx) => {
    await ask(ctx);
    return idle;
  });

describe("PluginHost", () => {
  it("names the plugin whose creation throws, keeps the cause, and undoes what it had opened", async () => {
    let closed = false;
    const scene = new Scene(
      wild("service", "test", (ctx) => {
        ctx.scope.defer("opened", () => void (closed = true));
        throw new Error("no luck");
      }),
    );
    const error = await scene.failure();
    expect(codeOf(error)).to.equal("KATA_PLUGIN_CREATE");
    expect(error.message).to.equal(
      "plugin service/test from package test could not be created (asked for by the program)",
    );
    expect(error.cause).to.have.property("message", "no luck");
    expect(closed).to.equal(true);
    expect(scene.runtime.plugins.statuses()[0]).to.have.property("error", error.cause);
  });

  it("passes on typed errors as they are, those of another copy of the library too", async () => {
    const thrown = new KataError("ACME_MISSING", "NOT_FOUND", "no acme");
    const error = await failureOf(
      wild("service", "test", () => {
        throw thrown;
      }),
    );
    expect(error).to.equal(thrown);
  });

  it("says of a plugin that creates nothing that it may lack a return", async () => {
    const error = await failureOf(wild("service", "test", () => undefined));
    expect(codeOf(error)).to.equal("KATA_PLUGIN_RESULT");
    expect(error.message).to.equal(
      '"create" of plugin service/test from package test gave undefined and not a service; has it no "return"?',
    );
  });

  it("says what a plugin's instance lacks of its contract", async () => {
    const { close: _close, ...less } = idle;
    expect((await failureOf(wild("service", "test", () => less))).message).to.equal(
      '"create" of plugin service/test from package test gave an object that is no service: it has no method close',
    );
  });

  describe("a plugin's schema", () => {
    const withSchema = (config: StandardSchema) => wild("service", "test", () => idle, { config });
    const answering = (validate: (value: unknown) => unknown) =>
      ({ "~standard": { version: 1, vendor: "test", validate } }) as StandardSchema;

    it("says what is wrong, and where it comes from", async () => {
      const config = schemaOf(() => {
        throw new Error("size must be above 0");
      });
      expect((await new Scene(withSchema(config)).failure({})).message).to.equal(
        "the configuration of plugin service/test is not valid: size must be above 0 (what the program gives; the plugin is from package test)",
      );
    });

    it("is blamed when it throws", async () => {
      const error = await failureOf(
        withSchema(
          answering(() => {
            throw new Error("no luck");
          }),
        ),
      );
      expect(codeOf(error)).to.equal("KATA_PLUGIN_SCHEMA");
      expect(error.message).to.equal(
        "the schema of plugin service/test from package test threw an error when it was given [service.test]; a schema answers with { value } or { issues }",
      );
      expect(error.cause).to.have.property("message", "no luck");
    });

    it("is blamed when it answers nothing", async () => {
      expect((await failureOf(withSchema(answering(() => undefined)))).message).to.include(
        "test answered undefined when",
      );
    });

    it("is cut off when it never answers", async () => {
      const error = await failureOf(withSchema(answering(() => new Promise(() => undefined))));
      expect(codeOf(error)).to.equal("KATA_DEADLINE");
      expect(error.message).to.include("plugin service/test from package test to be created");
    });
  });

  it("cuts off a plugin that is never made, and names it", async () => {
    const error = await failureOf(wild("service", "test", () => new Promise(() => undefined)));
    expect(error.message).to.equal(
      'waited 30 ms for plugin service/test from package test to be created; its "create", or its schema, does not end (asked for by the program)',
    );
  });

  it("blames the innermost plugin that hangs, not those that wait for it", async () => {
    const error = await failureOf(
      asking((ctx) => ctx.plugins.create("acme", "middle", "the test")),
      wild("acme", "middle", (ctx) => ctx.plugins.create("acme", "inner", "the middle one")),
      wild("acme", "inner", () => new Promise(() => undefined)),
    );
    expect(error.message).to.include("for plugin acme/inner from package inner to be created");
    expect(error.message).to.include("(the middle one for acme/middle)");
  });

  it("gives back its time to a plugin that has waited for another", async () => {
    let given: (instance: object) => void = () => undefined;
    const slow = new Promise<object>((resolve) => (given = resolve));
    const scene = new Scene(
      asking(async (ctx) => {
        await ctx.plugins.create("acme", "slow", "the test").catch(() => undefined);
      }),
      wild("acme", "slow", () => slow),
    );
    await scene.runtime.createService("test", undefined);
    given({});
    expect(scene.nodes()[0]).to.include({ id: "service/test", state: "created" });
  });

  it("finds plugins that create each other, and says in which circle", async () => {
    const error = await failureOf(
      asking((ctx) => ctx.plugins.create("acme", "a", "the test")),
      wild("acme", "a", (ctx) => ctx.plugins.create("acme", "b", "a")),
      wild("acme", "b", (ctx) => ctx.plugins.create("acme", "a", "b")),
    );
    expect(codeOf(error)).to.equal("KATA_PLUGIN_CYCLE");
    expect(error.message).to.equal(
      "plugins wait for each other in a circle while they are created: acme/a → acme/b → acme/a",
    );
  });

  it("tells one that asks for all of its own kind that it is among them", async () => {
    const error = await failureOf(
      asking((ctx) => ctx.plugins.create("acme", "a", "the test")),
      wild("acme", "a", (ctx) => ctx.plugins.all("acme")),
      wild("acme", "b", () => ({})),
    );
    expect(error.message).to.include("acme/a → acme/a");
  });

  it("asks for what a plugin requires", async () => {
    const error = await failureOf(wild("service", "test", () => idle, { requires: [{ kind: "acme", name: "gone" }] }));
    expect(error.message).to.include('no acme plugin "gone" (required by service/test from package test)');
  });

  it("leaves out plugins of a kind chosen by match that fail, with one warning each", async () => {
    let seen: { names: string[]; skipped: readonly { name: string; reason: string }[] } | undefined;
    const driver = (name: string, match: () => unknown) =>
      wild("volume", name, () => ({ name, match, create: () => ({}) }));
    const scene = new Scene(
      asking(async ({ plugins }) => {
        const drivers = await plugins.all("volume");
        expect(await plugins.all("volume")).to.equal(drivers);
        const scores = [1, 2].map(() => drivers.map((one) => one.match({} as never)));
        expect(scores).to.deep.equal([
          [1, 0, 0],
          [1, 0, 0],
        ]);
        seen = { names: drivers.map(({ name }) => name), skipped: drivers.skipped ?? [] };
      }),
      driver("good", () => 1),
      wild("volume", "broken", () => {
        throw new Error("no luck");
      }),
      driver("throws", () => {
        throw new Error("bad day");
      }),
      driver("vague", () => "yes"),
    );
    await scene.runtime.createService("test", undefined);
    expect(seen?.names).to.deep.equal(["good", "throws", "vague"]);
    expect(seen?.skipped.map(({ name }) => name)).to.deep.equal(["broken", "throws", "vague"]);
    expect(seen?.skipped[1]?.reason).to.equal(
      '"match" of plugin volume/throws from package throws threw an error; it gives a number, 0 when nothing fits, and throws nothing: bad day',
    );
    expect(scene.lines.filter((line) => line.includes("a plugin is left out"))).to.have.length(3);
    const failed = scene.runtime.plugins.statuses().filter(({ error }) => error !== undefined);
    expect(failed.map(({ registration }) => registration.id.name)).to.deep.equal(["broken", "throws", "vague"]);
  });

  it("gives the plugin that configuration chooses for a kind that a plugin has brought along", async () => {
    const kind = {
      name: "filter",
      selection: { by: "key", key: "runtime.filter", default: "plain", none: "none" },
    } as const;
    let chosen: unknown;
    const made = { name: "plain" };
    const scene = new Scene(
      asking(async ({ plugins }) => (chosen = await plugins.chosen(kind))),
      definePlugin({ api: 1, kind, name: "plain", config: noConfig, create: () => made }),
    );
    await scene.runtime.createService("test", undefined);
    expect(chosen).to.have.property("name", "plain");
    expect(scene.nodes()[0]?.children[0]).to.include({ id: "filter/plain", where: "runtime.filter, default" });
  });

  it("does not leave out a plugin that fails for want of one that configuration chooses", async () => {
    const kind = { name: "filter", selection: { by: "key", key: "runtime.filter", default: "gone" } } as const;
    const error = await failureOf(
      asking(({ plugins }) => plugins.all("volume")),
      wild("volume", "plain", () => ({ name: "plain", match: () => 1, create: () => ({}) })),
      wild("volume", "filtered", ({ plugins }) => plugins.chosen(kind)),
    );
    expect(error.message).to.include('no filter plugin "gone" (runtime.filter, default)');
  });

  it("remembers who asked for whom, and forgets it with its owner", async () => {
    const scene = new Scene(
      asking(async ({ plugins }) => {
        await plugins.create("acme", "a", "first");
        await plugins.create("acme", "a", "second");
        await plugins.create("acme", "b", "third").catch(() => undefined);
      }),
      wild("acme", "a", () => ({})),
      wild("acme", "b", () => {
        throw new Error("no luck");
      }),
    );
    await scene.runtime.createService("test", undefined);
    const [service] = scene.nodes();
    expect(service).to.include({
      id: "service/test",
      state: "created",
      instances: 1,
      where: "asked for by the program",
    });
    expect(service?.children.map(({ id, state, instances }) => [id, state, instances])).to.deep.equal([
      ["acme/a", "created", 2],
      ["acme/b", "failed", 0],
    ]);
    expect(service?.ms).to.be.at.least(service?.ownMs ?? Number.NaN);
    await scene.runtime.close();
    expect(scene.runtime.plugins.tree()).to.deep.equal([]);
  });
});
