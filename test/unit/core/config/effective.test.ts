import { expect } from "chai";
import type { NamedExtension } from "../../../../src/core/config/extension.js";
import { boolean, integer, noEffect } from "../../../../src/core/config/keys/key.js";
import { effectiveConfig, loadConfig, readConfig } from "../../../../src/core/config/load.js";
import {
  agentConfig,
  extensionsOf,
  hypervisorConfig,
  pluginConfig,
} from "../../../../src/core/config/plugin-schema.js";
import { formatOrigin } from "../../../../src/core/config/source.js";
import { noConfig, schemaOf } from "../../../../src/core/plugin/standard-schema.js";
import { ConfigFixture } from "./config-fixture.js";

describe("the effective configuration", () => {
  let fixture: ConfigFixture;
  beforeEach(() => {
    fixture = new ConfigFixture();
  });
  afterEach(() => fixture.remove());

  it("takes both spellings of a runtime handler's name", async () => {
    for (const name of ["virt_container", "virt-container", ""]) {
      const config = await fixture.load(`[runtime]\nname = "${name}"`);
      expect(config.runtime.name).to.equal("virt-container");
    }
    expect((await fixture.load('[runtime]\nname = "linux_container"')).runtime.name).to.equal("linux-container");
    expect((await fixture.load('[runtime]\nname = "my_own"')).runtime.name).to.equal("my_own");
  });

  it("takes empty and zero for the default where Kata does", async () => {
    const text = [
      "[hypervisor.qemu]",
      'shared_fs = ""',
      'block_device_driver = ""',
      "queue_size = 0",
      "default_memory = 0",
      "default_vcpus = 0",
      'virtio_fs_cache = "none"',
      "[runtime]",
      'internetworking_model = ""',
    ].join("\n");
    const config = await fixture.load(text);
    expect(config.hypervisor).to.include({
      shared_fs: "virtio-fs",
      block_device_driver: "virtio-blk-pci",
      queue_size: 128,
      default_memory: 2048,
      default_vcpus: 1,
      virtio_fs_cache: "never",
    });
    expect(config.runtime.internetworking_model).to.equal("tcfilter");
    expect(formatOrigin(config.hypervisorOrigin("queue_size"))).to.equal(`${fixture.file}:4`);
  });

  it("fits sizes to the host", async () => {
    const sized = async (lines: string) => (await fixture.load(`[hypervisor.qemu]\n${lines}`)).hypervisor;
    expect(await sized("")).to.include({ default_vcpus: 1, default_maxvcpus: 8, default_maxmemory: 16384 });
    expect(await sized("default_vcpus = -1")).to.include({ default_vcpus: 8 });
    expect(await sized("default_vcpus = 100")).to.include({ default_vcpus: 8 });
    expect(await sized("default_vcpus = 1.5\ndefault_maxvcpus = 100")).to.include({
      default_vcpus: 1.5,
      default_maxvcpus: 8,
    });
    expect(await sized("default_memory = 20000")).to.include({ default_maxmemory: 20000 });
    expect(await sized("virtio_fs_is_dax = true")).to.include({ virtio_fs_cache_size: 1024 });
    expect(await sized("virtio_fs_cache_size = 10")).to.include({ virtio_fs_is_dax: true, virtio_fs_cache_size: 10 });
  });

  it("never changes", async () => {
    const { runtime, hypervisor, agent } = await fixture.load("");
    for (const table of [runtime, hypervisor, agent, hypervisor.factory, agent.mem_agent, hypervisor.pflashes]) {
      expect(Object.isFrozen(table)).to.equal(true);
    }
  });

  it("may have image and initrd together", async () => {
    const { image, kernel } = fixture.installed;
    const config = await fixture.load(`[hypervisor.qemu]\nimage = "${image}"\ninitrd = "${kernel}"`);
    expect(config.hypervisor).to.include({ image, initrd: kernel });
  });

  it("takes the names Kata accepts besides a key's own", async () => {
    const config = await fixture.load(
      '[hypervisor.qemu]\ndbg_monitor_socket = "qmp"\n[agent.kata.mem_agent]\nenable = true',
    );
    expect(config.hypervisor.extra_monitor_socket).to.equal("qmp");
    expect(config.agent.mem_agent.mem_agent_enable).to.equal(true);
  });

  it("lists every value once, with origin, effect, unit and description, and no secrets", async () => {
    const config = await fixture.load('[runtime]\njaeger_password = "hunter2"\nkeep_abnormal = true');
    const listing = config.listing();
    const keys = listing.map((entry) => entry.key);
    expect(new Set(keys).size).to.equal(keys.length);
    expect(keys[0]).to.equal("plugins");
    expect(keys).to.include.members([
      "runtime.name",
      "hypervisor.qemu.factory.enable_template",
      "agent.kata.mem_agent.compact_order",
    ]);
    const entry = (key: string) => listing.find((one) => one.key === key);
    expect(entry("runtime.jaeger_password")?.value).to.equal("(set)");
    expect(entry("runtime.keep_abnormal")?.origin).to.deep.equal({ kind: "file", file: fixture.file, line: 3 });
    expect(entry("hypervisor.qemu.default_memory")).to.include({ unit: "MiB", value: 2048 });
    for (const { description, effect } of listing) {
      expect(description).to.match(/\.$/);
      if (effect !== "implemented") expect(effect.none).to.match(/\S/);
    }
  });

  it("names the packages of plugins and the file that names them", async () => {
    const config = await fixture.load('\nplugins = ["@acme/kata-foo", "bar", "/opt/baz.js"]');
    expect(config.plugins).to.deep.equal({
      names: ["@acme/kata-foo", "bar", "/opt/baz.js"],
      file: fixture.file,
      line: 2,
    });
    expect(formatOrigin(config.origin("plugins"))).to.equal(`${fixture.file}:2`);
    expect((await fixture.load("")).plugins).to.deep.equal({ names: [], file: "", line: 0 });
  });

  it("is overridden by the program, which may choose what has no table", async () => {
    const text = "[hypervisor.qemu]\ndefault_memory = 1000";
    const overrides = [
      { key: "runtime.hypervisor_name", value: "other", name: "--hypervisor" },
      { key: "hypervisor.other.default_memory", value: 512, name: "--memory" },
    ];
    const config = await fixture.load(text, { overrides });
    expect(config.hypervisor.default_memory).to.equal(512);
    expect(formatOrigin(config.origin("runtime.hypervisor_name"))).to.equal("--hypervisor");
    const bad = [{ key: "hypervisor.qemu.default_memory", value: "much", name: "--memory" }];
    expect((await fixture.refusal(text, { overrides: bad })).message).to.contain(
      '--memory: hypervisor.qemu.default_memory is the string "much"; it takes a whole number',
    );
  });

  it("is read first and checked when the plugins are there", async () => {
    fixture.write(
      "configuration.toml",
      'plugins = ["x"]\n[hypervisor.foo]\nown = 5\n[runtime]\nhypervisor_name = "foo"',
    );
    const document = await readConfig({ path: fixture.file });
    expect(document.plugins.names).to.deep.equal(["x"]);
    const keys = { own: integer(1, "A key of its own.") };
    const config = effectiveConfig(document, { extensions: [{ kind: "hypervisor", name: "foo", keys }] });
    expect(config.pluginTable("hypervisor", "foo")).to.include({ own: 5, default_memory: 2048 });
  });
});

describe("what plugins say about configuration", () => {
  let fixture: ConfigFixture;
  beforeEach(() => {
    fixture = new ConfigFixture();
  });
  afterEach(() => fixture.remove());

  const qemu = (more: Partial<NamedExtension>): NamedExtension => ({ kind: "hypervisor", name: "qemu", ...more });

  it("are defaults of a hypervisor's own", async () => {
    const extensions = [
      qemu({ defaults: { machine_type: "q35", queue_size: 256 } }),
      { kind: "hypervisor", name: "dragonball", defaults: { shared_fs: "inline-virtio-fs" } },
    ];
    const config = await fixture.load("[hypervisor.qemu]\nqueue_size = 0", { extensions });
    expect(config.hypervisor).to.include({ machine_type: "q35", queue_size: 256, shared_fs: "virtio-fs" });
    expect(config.hypervisorOrigin("machine_type")).to.deep.equal({ kind: "default" });
    const other = await fixture.load('[runtime]\nhypervisor_name = "dragonball"', { extensions });
    expect(other.hypervisor.shared_fs).to.equal("inline-virtio-fs");
  });

  it("are keys of its own, beside which every other is still unknown", async () => {
    const extensions = [qemu({ keys: { turbo: boolean(false, "Goes faster.", noEffect("it does not yet")) } })];
    const config = await fixture.load("[hypervisor.qemu]\nturbo = true", { extensions });
    expect(config.pluginTable("hypervisor", "qemu")).to.include({ turbo: true });
    const entry = config.listing().find(({ key }) => key === "hypervisor.qemu.turbo");
    expect(entry).to.deep.include({ value: true, effect: { none: "it does not yet" }, description: "Goes faster." });
    const error = await fixture.refusal("[hypervisor.qemu]\nturb = true", { extensions });
    expect(error.message).to.contain('did you mean "turbo"?');
    expect((await fixture.refusal("[hypervisor.qemu]\nturbo = 1", { extensions })).code).to.equal("KATA_CONFIG_TYPE");
  });

  it("may be nothing: then its schema judges its own keys", async () => {
    const text = "[hypervisor.qemu]\nown = { a = [1] }\nqueue_size = 3";
    const error = await fixture.refusal(text, { extensions: [qemu({ open: true })] });
    expect(error.message).to.contain("queue_size is 3");
    const config = await fixture.load(text.replace("= 3", "= 4"), { extensions: [qemu({ open: true })] });
    expect(config.pluginTable("hypervisor", "qemu")).to.deep.include({ own: { a: [1] } });
    expect((await fixture.refusal(text.replace("= 3", "= 4"))).code).to.equal("KATA_CONFIG_UNKNOWN_KEY");
  });

  it("are which keys they act on, while they are in use", async () => {
    const extensions: NamedExtension[] = [
      qemu({ uses: ["hypervisor.kernel", "hypervisor.factory", "agent.mem_agent"] }),
      { kind: "hypervisor", name: "dragonball", uses: ["hypervisor.image"] },
      { kind: "share-fs", name: "virtio-fs", uses: ["hypervisor.virtio_fs_daemon"] },
      { kind: "share-fs", name: "nydus", uses: ["hypervisor.prefetch_list_path"] },
      { kind: "handler", name: "virt-container", uses: ["runtime.enable_debug", "agent.kernel_modules"] },
      { kind: "volume", name: "any", uses: ["runtime.emptydir_mode"] },
    ];
    const config = await fixture.load("", { extensions });
    const effects = new Map(config.listing().map(({ key, effect }) => [key, effect]));
    for (const key of [
      "hypervisor.qemu.kernel",
      "hypervisor.qemu.factory.enable_template",
      "hypervisor.qemu.virtio_fs_daemon",
      "agent.kata.mem_agent.compact_order",
      "agent.kata.kernel_modules",
      "runtime.enable_debug",
      "runtime.emptydir_mode",
      "runtime.hypervisor_name",
    ]) {
      expect(effects.get(key), key).to.equal("implemented");
    }
    expect(effects.get("hypervisor.qemu.image")).to.deep.equal({ none: "no plugin in use acts on it" });
    expect(effects.get("hypervisor.qemu.prefetch_list_path")).to.deep.equal({
      none: "nydus images are not supported yet",
    });
  });

  it("are complaints, shown with the line of the key", async () => {
    const extensions = [
      qemu({
        check: ({ hypervisor }) =>
          hypervisor.machine_type === "pc"
            ? [{ table: "hypervisor", key: "machine_type", problem: 'is "pc"; it takes q35 or microvm' }]
            : [],
      }),
    ];
    const error = await fixture.refusal('[hypervisor.qemu]\nmachine_type = "pc"', { extensions });
    expect(error.code).to.equal("KATA_CONFIG_PLUGIN");
    expect(error.message).to.equal(
      `${fixture.file}:2: hypervisor.qemu.machine_type is "pc"; it takes q35 or microvm\n    2 | machine_type = "pc"\n      | ^^^^^^^^^^^^^^^^^^^`,
    );
    const two = await fixture.refusal('[hypervisor.qemu]\nmachine_type = "pc"\nkernel = "/nowhere"', { extensions });
    expect(two.code).to.equal("KATA_CONFIG_INVALID");
  });

  it("are tables of other kinds of plugins", async () => {
    const keys = { threads: integer(1, "Threads.") };
    const extensions: NamedExtension[] = [{ kind: "share-fs", name: "virtio-fs", keys }];
    const config = await fixture.load("[share-fs.virtio-fs]\nthreads = 4\n[network-model.foo]\nany = 'x'", {
      extensions,
    });
    expect(config.pluginTable("share-fs", "virtio-fs")).to.deep.equal({ threads: 4 });
    expect(config.pluginTable("network-model", "foo")).to.deep.equal({ any: "x" });
    expect(config.pluginTable("rootfs", "none")).to.deep.equal({});
    expect(config.pluginTable("handler", "virt-container")).to.equal(config.runtime);
    const listed = config.listing().map(({ key }) => key);
    expect(listed).to.include.members(["share-fs.virtio-fs.threads", "network-model.foo.any"]);
    const error = await fixture.refusal("[share-fs.virtio-fs]\nthread = 4", { extensions });
    expect(error.message).to.contain('did you mean "threads"?');
  });

  it("are carried by the schemas made for them", async () => {
    const own = { turbo: boolean(false, "Goes faster.") };
    const registration = (kind: string, name: string, config: ReturnType<typeof schemaOf<unknown>>) => ({
      id: { kind, name },
      origin: "test",
      plugin: { api: 1, kind, name, config, create: () => undefined } as const,
    });
    const schema = hypervisorConfig({ keys: own, defaults: { machine_type: "q35" } });
    const extensions = extensionsOf([
      registration("hypervisor", "qemu", schema),
      registration("agent", "kata", agentConfig({ uses: ["agent.server_port"] })),
      registration("share-fs", "virtio-fs", noConfig),
      registration(
        "share-fs",
        "foreign",
        schemaOf((value) => value),
      ),
    ]);
    expect(extensions).to.deep.equal([
      { kind: "hypervisor", name: "qemu", keys: own, defaults: { machine_type: "q35" } },
      { kind: "agent", name: "kata", uses: ["agent.server_port"] },
      { kind: "share-fs", name: "virtio-fs" },
      { kind: "share-fs", name: "foreign", open: true },
    ]);
    const config = await fixture.load("[hypervisor.qemu]\nturbo = true", { extensions });
    const result = await schema["~standard"].validate(config.pluginTable("hypervisor", "qemu"));
    if (result.issues !== undefined) throw new Error(result.issues[0]?.message);
    const turbo: boolean = result.value.turbo;
    const machine: string = result.value.machine_type;
    expect([turbo, machine]).to.deep.equal([true, "q35"]);
    expect(result.value).to.deep.equal(config.hypervisor);
  });

  it("lets the schemas check what comes from a program", async () => {
    const schema = pluginConfig({ keys: { threads: integer(1, "Threads.", { max: 8 }) } })["~standard"];
    expect(await schema.validate(undefined)).to.deep.equal({ value: { threads: 1 } });
    expect(await schema.validate({ threads: 4 })).to.deep.equal({ value: { threads: 4 } });
    expect(await schema.validate({ threads: 9 }))
      .to.have.nested.property("issues[0].message")
      .that.contains("from 0 to 8");
    expect(await schema.validate({ thread: 9 }))
      .to.have.nested.property("issues[0].message")
      .that.contains('"threads"');
    expect(await schema.validate(3)).to.have.property("issues");
  });

  it("of built-in defaults pass their own schemas", async () => {
    const config = await loadConfig({ builtIn: true });
    const schema = agentConfig({})["~standard"];
    expect(await schema.validate(config.agent)).to.deep.equal({ value: config.agent });
  });
});
