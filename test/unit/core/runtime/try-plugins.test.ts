import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { definePlugin } from "../../../../src/core/plugin/plugin.js";
import { noConfig } from "../../../../src/core/plugin/standard-schema.js";
import { Runtime } from "../../../../src/core/runtime/runtime.js";
import { builtins } from "../../../../src/plugins/builtins.js";
import { fakeSys } from "../../../../src/testing/fake-sys.js";

describe("trying plugins", () => {
  it("makes each that is in use once, leaves nothing, and says which cannot be made", async () => {
    const directory = await mkdtemp(join(tmpdir(), "kata-ts-trial-"));
    try {
      const configPath = join(directory, "configuration.toml");
      await writeFile(configPath, '[runtime]\nagent_name = "acme"\n');
      const broken = (kind: "agent" | "volume") =>
        definePlugin({
          api: 1,
          kind,
          name: "acme",
          config: noConfig,
          create: () => {
            throw new Error("no luck");
          },
        });
      const plugins = [...builtins, ...[broken("agent"), broken("volume")].map((plugin) => ({ plugin, origin: "x" }))];
      const roots = { run: join(directory, "run"), shared: join(directory, "shared") };
      await using runtime = new Runtime({ sys: fakeSys(), plugins, configPath, roots });
      const { tree, statuses, failures } = await runtime.tryPlugins();
      const nodes = tree.flatMap(({ children }) => children);
      const state = (id: string) => nodes.find((node) => node.id === id)?.state;
      expect([state("handler/virt-container"), state("hypervisor/qemu"), state("volume/shm")]).to.deep.equal([
        "created",
        "created",
        "created",
      ]);
      expect([state("agent/acme"), state("volume/acme"), state("agent/kata")]).to.deep.equal([
        "failed",
        "failed",
        undefined,
      ]);
      expect([...failures.keys()]).to.deep.equal(["agent"]);
      const failed = statuses.filter(({ error }) => error !== undefined).map(({ registration: { id } }) => id.kind);
      expect(failed).to.deep.equal(["agent", "volume"]);
      expect(await readdir(directory)).to.not.include("shared");
      expect(await readdir(join(directory, "run")).catch(() => [])).to.deep.equal([]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
