import { expect } from "chai";
import type { PluginId } from "../../../../src/core/plugin/kinds.js";
import { definePlugin } from "../../../../src/core/plugin/plugin.js";
import { mostSpecific } from "../../../../src/core/plugin/match.js";
import { Registry } from "../../../../src/core/plugin/registry.js";
import { noConfig } from "../../../../src/core/plugin/standard-schema.js";

function plugin(kind: string, name: string, requires: PluginId[] = []) {
  return definePlugin({ api: 1, kind, name, config: noConfig, requires, create: () => ({}) });
}

describe("Registry", () => {
  it("finds what was registered, with its origin", () => {
    const registry = new Registry();
    registry.register(plugin("hypervisor", "foo"), "package @acme/foo");
    expect(registry.find("hypervisor", "foo", "a test").origin).to.equal("package @acme/foo");
  });

  it("names what there is and what selected a plugin that is not there", () => {
    const registry = new Registry();
    registry.register(plugin("hypervisor", "qemu"), "built-in");
    registry.register(plugin("hypervisor", "dragonball"), "built-in");
    expect(() => registry.find("hypervisor", "fox", "runtime.hypervisor_name")).to.throw(
      'no hypervisor plugin "fox" (runtime.hypervisor_name); there are: "qemu", "dragonball"',
    );
  });

  it("refuses a duplicate, naming both origins", () => {
    const registry = new Registry();
    registry.register(plugin("volume", "shm"), "built-in");
    expect(() => registry.register(plugin("volume", "shm"), "package x")).to.throw(
      "plugin volume/shm from package x is registered already, from built-in",
    );
  });

  it("refuses another API version", () => {
    const strange = { ...plugin("volume", "new"), api: 2 };
    expect(() => new Registry().register(strange, "package x")).to.throw(
      /written for plugin API 2; this runtime has API 1/,
    );
  });

  for (const [what, value, problem] of [
    ["null", null, "it is null"],
    ["a number", 7, "it is a number"],
    ["a bad name", { ...plugin("volume", "x"), name: "../x" }, '"name" is "../x"'],
    ["no create", { ...plugin("volume", "x"), create: undefined }, '"create" of volume/x is not a function'],
    ["no schema", { ...plugin("volume", "x"), config: {} }, '"config" of volume/x is not a Standard Schema'],
  ] as const) {
    it(`refuses ${what} as a plugin`, () => {
      expect(() => new Registry().register(value, "package x")).to.throw(`package x is not a plugin: ${problem}`);
    });
  }

  it("finds a circle of requirements when it is frozen", () => {
    const registry = new Registry();
    registry.register(plugin("volume", "a", [{ kind: "volume", name: "b" }]), "test");
    registry.register(plugin("volume", "b", [{ kind: "volume", name: "a" }]), "test");
    expect(() => registry.freeze()).to.throw("volume/a → volume/b → volume/a");
  });

  it("takes no plugin after it is frozen", () => {
    const registry = new Registry();
    registry.freeze();
    expect(() => registry.register(plugin("volume", "late"), "test")).to.throw(/volume\/late comes too late/);
  });
});

describe("mostSpecific", () => {
  const driver = (name: string, score: number) => ({ name, score });
  const choose = (...drivers: { name: string; score: number }[]) =>
    mostSpecific(
      "volume",
      drivers,
      ({ score }) => score,
      () => "the mount",
    ).name;

  it("takes the highest score", () => {
    expect(choose(driver("a", 1), driver("b", 3), driver("c", 2))).to.equal("b");
  });

  it("names the drivers there are when none fits", () => {
    expect(() => choose(driver("a", 0), driver("b", 0))).to.throw(
      'no volume plugin takes the mount; there are: "a", "b"',
    );
  });

  it("refuses a tie, naming it", () => {
    expect(() => choose(driver("a", 2), driver("b", 2), driver("c", 1))).to.throw(
      'the volume plugins "a", "b" all take',
    );
  });
});
