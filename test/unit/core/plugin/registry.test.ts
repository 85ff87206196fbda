import { expect } from "chai";
import { defineKind, type Kind, type PluginId } from "../../../../src/core/plugin/kinds.js";
import { definePlugin, type Plugin } from "../../../../src/core/plugin/plugin.js";
import { mostSpecific } from "../../../../src/core/plugin/match.js";
import { Registry } from "../../../../src/core/plugin/registry.js";
import { noConfig } from "../../../../src/core/plugin/standard-schema.js";

function plugin(kind: string, name: string, requires: PluginId[] = []): Plugin {
  return { api: 1, kind, name, config: noConfig, requires, create: () => ({}) };
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
    ["no name", { ...plugin("volume", "x"), name: undefined }, '"name" is missing; a name has lower case letters'],
    ["a bad requirement", { ...plugin("volume", "x"), requires: ["y"] }, '"requires" of volume/x is not a list'],
    ["no create", { ...plugin("volume", "x"), create: undefined }, '"create" of volume/x is not a function'],
    ["no schema", { ...plugin("volume", "x"), config: {} }, '"config" of volume/x is not a Standard Schema'],
  ] as const) {
    it(`refuses ${what} as a plugin`, () => {
      expect(() => new Registry().register(value, "package x")).to.throw(`package x is not a plugin: ${problem}`);
    });
  }

  it("finds a circle of requirements", () => {
    const registry = new Registry();
    registry.register(plugin("volume", "a", [{ kind: "volume", name: "b" }]), "test");
    registry.register(plugin("volume", "b", [{ kind: "volume", name: "a" }]), "test");
    const [a] = registry.list();
    expect(() => a && registry.checkRequirements(a)).to.throw(
      "plugins require each other in a circle: volume/a → volume/b → volume/a",
    );
  });

  it("names who requires what is not there", () => {
    const registry = new Registry();
    registry.register(plugin("volume", "a", [{ kind: "volume", name: "b" }]), "package x");
    const [a] = registry.list();
    expect(() => a && registry.checkRequirements(a)).to.throw(
      'no volume plugin "b" (required by volume/a from package x); there are: "a"',
    );
  });

  for (const [what, kind, name, hint] of [
    [
      "one of that name of another kind",
      "hypervisor",
      "virtio-fs",
      `"virtio-fs" is a plugin of the kind share-fs, which hypervisor.<name>.shared_fs chooses`,
    ],
    ["a near name", "hypervisor", "qmeu", 'did you mean "qemu"?'],
    [
      "a package that may be missing",
      "hypervisor",
      "something-else",
      'a package that has it is named in the list "plugins"',
    ],
  ] as const) {
    it(`points to ${what} when there is no such plugin`, () => {
      const registry = new Registry();
      registry.register(plugin("hypervisor", "qemu"), "built-in");
      registry.register(plugin("share-fs", "virtio-fs"), "built-in");
      expect(() => registry.find(kind, name, "the key")).to.throw(`there are: "qemu"; ${hint}`);
    });
  }

  describe("kinds that plugins bring along", () => {
    const filter = defineKind<object>({
      name: "filter",
      selection: { by: "key", key: "runtime.filter", default: "x" },
    });
    const of = (kind: Kind, name = "one") => definePlugin({ api: 1, kind, name, config: noConfig, create: () => ({}) });

    it("are known from then on, by their names too", () => {
      const registry = new Registry();
      registry.register(of(filter), "package x");
      registry.register(plugin("filter", "two"), "package y");
      expect(registry.ofKind("filter").map(({ id }) => id.name)).to.deep.equal(["one", "two"]);
      expect(registry.kinds.selection("filter")).to.equal(filter.selection);
      expect(registry.kinds.defined).to.deep.equal([filter]);
    });

    for (const [what, kind, problem] of [
      ["has the name of one of core's", { ...filter, name: "volume" }, 'it is one of core\'s: write kind: "volume"'],
      [
        "has a key of core's",
        { ...filter, selection: { by: "key", key: "runtime.name" } },
        "its key runtime.name is core's",
      ],
      [
        "has a key elsewhere",
        { ...filter, selection: { by: "key", key: "hypervisor.x.y" } },
        'its key is "hypervisor.x.y"; it is one of [runtime], such as "runtime.filter"',
      ],
    ] as const) {
      it(`are refused when one ${what}`, () => {
        expect(() => new Registry().register(of(kind), "package x")).to.throw(problem);
      });
    }

    it("are the same whoever defines them, and refused when they are not", () => {
      const registry = new Registry();
      registry.register(of(filter), "package x");
      registry.register(of({ ...filter, selection: { ...filter.selection } }, "two"), "package y");
      const other = { ...filter, selection: { by: "match", with: "a file" } } as const;
      expect(() => registry.register(of(other, "three"), "package z")).to.throw(
        'plugin filter/three from package z cannot define the kind "filter": plugin filter/one from package x says otherwise',
      );
      const rival = { ...filter, name: "rival" };
      expect(() => registry.register(of(rival), "package z")).to.throw(
        'its key runtime.filter selects plugins of the kind "filter" already',
      );
    });
  });

  it("takes no plugin after it is frozen", () => {
    const registry = new Registry();
    registry.freeze();
    expect(() => registry.register(plugin("volume", "late"), "test")).to.throw(/volume\/late from test comes too late/);
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

  it("leaves out one whose score fails, and says so when no other fits", () => {
    const score = ({ score }: { score: number }) => {
      if (score < 0) throw new Error("no luck");
      return score;
    };
    const choose = (...drivers: { name: string; score: number }[]) =>
      mostSpecific("volume", Object.assign(drivers, { skipped: [{ name: "z", reason: "broken" }] }), score, () => "it")
        .name;
    expect(choose(driver("a", -1), driver("b", 1))).to.equal("b");
    expect(() => choose(driver("a", -1), driver("b", 0))).to.throw(
      'no volume plugin takes it; there are: "b"; left out: "z" (broken), "a" (no luck)',
    );
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
