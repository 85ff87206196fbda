import { expect } from "chai";
import { effectiveConfig, readConfig } from "../../../../../src/core/config/load.js";
import { extensionsOf } from "../../../../../src/core/config/plugin-schema.js";
import { Registry } from "../../../../../src/core/plugin/registry.js";
import { checkHost } from "../../../../../src/plugins/storage/inline-virtio-fs/check-host.js";
import { plugin } from "../../../../../src/plugins/storage/inline-virtio-fs/index.js";
import { inlineSettings } from "../../../../../src/plugins/storage/inline-virtio-fs/settings.js";

async function configOf(values: Record<string, unknown>) {
  const registry = new Registry();
  registry.register(plugin, "built-in");
  const document = await readConfig({ builtIn: true });
  const chosen = { shared_fs: "inline-virtio-fs", ...values };
  const overrides = Object.entries(chosen).map(([key, value]) => ({
    key: `hypervisor.dragonball.${key}`,
    value,
    name: "test",
  }));
  const hypervisor = { key: "runtime.hypervisor_name", value: "dragonball", name: "test" };
  const extensions = extensionsOf(registry.list());
  return effectiveConfig(document, { overrides: [hypervisor, ...overrides], extensions, checkFiles: false });
}

describe("the settings of inline-virtio-fs", () => {
  it("are Kata's keys in the hypervisor's table", async () => {
    const config = await configOf({ virtio_fs_cache: "always", virtio_fs_queue_size: 256 });
    expect(inlineSettings(config)).to.deep.equal({ cache: "always", queueSize: 256 });
    const usual = await configOf({ virtio_fs_queue_size: 0, virtio_fs_cache: "none" });
    expect(inlineSettings(usual)).to.deep.equal({ cache: "never", queueSize: 1024 });
  });

  it("are found wrong while configuration is loaded when they ask for a window", async () => {
    for (const values of [{ virtio_fs_cache_size: 512 }, { virtio_fs_is_dax: true }]) {
      const error = await configOf(values).then(() => undefined, String);
      expect(error).to.contain("no DAX window").and.contain("virtio_fs_");
    }
  });

  it("need a kernel that tells mounts apart, which this is", async () => {
    expect((await checkHost())[0]).to.include({ name: "inline virtio-fs", state: "ok" });
  });
});
