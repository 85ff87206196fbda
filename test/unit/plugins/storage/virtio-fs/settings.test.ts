import { expect } from "chai";
import { effectiveConfig, readConfig } from "../../../../../src/core/config/load.js";
import { checkExtraArguments, virtioFsSettings } from "../../../../../src/plugins/storage/virtio-fs/settings.js";
import { plugin } from "../../../../../src/plugins/storage/virtio-fs/index.js";
import { extensionsOf } from "../../../../../src/core/config/plugin-schema.js";
import { Registry } from "../../../../../src/core/plugin/registry.js";

async function configOf(values: Record<string, unknown>) {
  const document = await readConfig({ builtIn: true });
  const overrides = Object.entries(values).map(([key, value]) => ({
    key: `hypervisor.qemu.${key}`,
    value,
    name: `--${key}`,
  }));
  const chosen = [{ key: "runtime.hypervisor_name", value: "qemu", name: "--hypervisor" }, ...overrides];
  return effectiveConfig(document, { overrides: chosen, checkFiles: false });
}

describe("the settings of virtio-fs", () => {
  it("are Kata's keys in the hypervisor's table", async () => {
    const settings = virtioFsSettings(
      await configOf({
        virtio_fs_daemon: "/opt/virtiofsd",
        virtio_fs_cache: "always",
        virtio_fs_cache_size: 512,
        virtio_fs_queue_size: 256,
        virtio_fs_extra_args: ["--xattr"],
      }),
    );
    expect(settings).to.deep.include({ daemon: "/opt/virtiofsd", cache: "always", cacheSizeMiB: 512, queueSize: 256 });
    expect(settings.extra.map((option) => option.name)).to.deep.equal(["xattr"]);
  });

  it("have the daemon found, 1024 entries, and no window by default; a window of 1 GiB when only asked for", async () => {
    expect(virtioFsSettings(await configOf({ virtio_fs_queue_size: 0 }))).to.deep.include({
      daemon: undefined,
      queueSize: 1024,
      cacheSizeMiB: 0,
    });
    expect(virtioFsSettings(await configOf({ virtio_fs_is_dax: true }))).to.have.property("cacheSizeMiB", 1024);
  });

  it("refuse an argument that is not harmless, naming it and where it comes from", async () => {
    const config = await configOf({ virtio_fs_extra_args: ["--xattr", "--sandbox=none"] });
    expect(() => virtioFsSettings(config))
      .to.throw(/--virtio_fs_extra_args.*"--sandbox=none"/)
      .with.property("code", "KATA_VIRTIOFS_ARGUMENT");
    expect(checkExtraArguments(config)).to.have.length(1);
    expect(checkExtraArguments(config)[0]).to.deep.include({ table: "hypervisor", key: "virtio_fs_extra_args" });
  });

  it("are found wrong while configuration is loaded", async () => {
    const registry = new Registry();
    registry.register(plugin, "built-in");
    const extensions = extensionsOf(registry.list());
    const overrides = [
      { key: "runtime.hypervisor_name", value: "qemu", name: "test" },
      { key: "hypervisor.qemu.shared_fs", value: "virtio-fs", name: "test" },
      { key: "hypervisor.qemu.virtio_fs_extra_args", value: ["-o", "source=/"], name: "test" },
    ];
    const document = await readConfig({ builtIn: true });
    expect(() => effectiveConfig(document, { overrides, extensions, checkFiles: false })).to.throw(/-o source=\//);
  });
});
