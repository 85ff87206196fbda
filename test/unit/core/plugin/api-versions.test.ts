import { expect } from "chai";
import { type ApiVersions, conform } from "../../../../src/core/plugin/api-versions.js";
import { Registry } from "../../../../src/core/plugin/registry.js";
import { noConfig } from "../../../../src/core/plugin/standard-schema.js";

/** A runtime of a time to come: what was `make` in version 2 is `create` in 3, where nothing but the number changed before. */
const versions: ApiVersions = [
  { version: 1, deprecated: { since: "2.4.0", removal: "4.0.0", hint: "write it for API 3" } },
  { version: 2, adapt: ({ make, ...rest }) => ({ ...rest, create: make }) },
  { version: 3 },
];

const common = { kind: "volume", name: "old", config: noConfig };
const made = { name: "made" };

describe("versions of the plugin contract", () => {
  it("lets a plugin of an older one be one of the newest, step by step", () => {
    const registry = new Registry(versions);
    registry.register({ ...common, api: 1, make: () => made }, "package a");
    const { plugin, deprecated } = registry.find("volume", "old", "the test");
    expect(plugin).to.include({ api: 3, kind: "volume", name: "old" });
    expect(Reflect.apply(Reflect.get(plugin, "create"), undefined, [])).to.equal(made);
    expect(deprecated).to.include({ since: "2.4.0", removal: "4.0.0", where: "package a" });
    expect(deprecated?.what).to.contain("volume/old");
  });

  it("says nothing of one that stays, and leaves the newest as it is", () => {
    const plugin = { ...common, api: 3, create: () => made };
    expect(conform(plugin, "package a", versions)).to.deep.equal({ value: plugin });
    expect(conform(plugin, "package a", versions).value).to.equal(plugin);
    expect(conform({ ...common, api: 2, make: () => made }, "package a", versions)).to.not.have.property("deprecated");
  });

  it("finds what an adapter's result lacks", () => {
    const register = () => new Registry(versions).register({ ...common, api: 1 }, "package a");
    expect(register).to.throw(/"create" of volume\/old is not a function/);
  });

  it("names the runtime to install for a newer one", () => {
    const plugin = { ...common, api: 4, invoke: () => made };
    expect(() => new Registry(versions).register(plugin, "package a")).to.throw(
      "plugin volume/old from package a is written for plugin API 4; this runtime has APIs 1 to 3: install kata-ts 4.0.0 or newer, which has API 4",
    );
    expect(() => new Registry().register({ ...plugin, api: 2 }, "package a")).to.throw(
      "this runtime has API 1: install kata-ts 2.0.0 or newer",
    );
  });

  for (const api of [0, -1, undefined, "1", 1.5, null]) {
    it(`refuses ${JSON.stringify(api)}, and says what to write`, () => {
      const plugin = { ...common, api, create: () => made };
      expect(() => new Registry().register(plugin, "package a")).to.throw(
        /this runtime has API 1: set api: 1, or install/,
      );
    });
  }

  it("leaves what is no plugin to be told so", () => {
    for (const value of [undefined, null, 3, "text", {}]) {
      expect(() => new Registry().register(value, "package a")).to.throw(/package a is not a plugin/);
    }
  });
});
