import assert from "node:assert/strict";
import type { HostFinding } from "../../core/plugin/host-check.js";
import type { Plugin } from "../../core/plugin/plugin.js";
import type { Subject, Trial } from "./check.js";

/** What no plugin's configuration can be. */
const nonsense: readonly unknown[] = [12, "text", true, [], [1], null, { "no such key": Symbol("none") }];

/** What holds for plugins of every kind. */
export const pluginTrials = (plugin: Plugin): readonly Trial<Subject, { readonly name: string }>[] => [
  {
    name: "has the name that it is registered by",
    // A share's is that of the resource, of which a sandbox has one whatever serves it.
    run: async (stage) =>
      assert.equal((await stage.instance()).name, plugin.kind === "share-fs" ? "share-fs" : plugin.name),
  },
  {
    name: "has nothing open before it is used",
    async run(stage) {
      await stage.instance();
      assert.deepEqual(await stage.left(), []);
    },
  },
  {
    name: "can be made many times, each its own",
    async run(stage) {
      const [one, other] = [await stage.make(), await stage.make()];
      assert.notEqual(one.instance, other.instance, "two instances are the same object");
      await one.scope.close();
      await stage.instance();
    },
  },
  {
    name: "judges a configuration that is none without throwing",
    async run() {
      for (const value of nonsense) {
        const result = await plugin.config["~standard"].validate(value);
        for (const { message } of result.issues ?? []) assert.notEqual(message, "", "an issue has no message");
      }
    },
  },
  ...(plugin.check === undefined ? [] : [checkTrial(plugin)]),
];

const checkTrial = (plugin: Plugin): Trial<Subject, { readonly name: string }> => ({
  name: "says what it needs of the host, and changes nothing by that",
  async run(stage) {
    const { sys, roots, environment } = stage;
    const findings = (await plugin.check?.({ sys, roots, config: environment.config })) ?? [];
    for (const finding of findings) assertFinding(finding);
    const names = findings.map(({ name }) => name);
    assert.deepEqual([...new Set(names)], names, "two findings have the same name");
    assert.deepEqual(await stage.left(), []);
  },
});

function assertFinding({ name, state, detail, remedy }: HostFinding): void {
  assert.ok(["ok", "degraded", "missing"].includes(state), `the finding "${name}" is "${state}"`);
  assert.notEqual(detail, "", `the finding "${name}" says nothing`);
  if (state === "missing") assert.ok(remedy, `the finding "${name}" has no remedy`);
}
