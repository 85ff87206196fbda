import { expect } from "chai";
import { type LoadOptions, readConfig } from "../../../../src/core/config/load.js";
import { problemsOf } from "../../../../src/core/config/report.js";
import { ConfigFixture, refusalOf } from "./config-fixture.js";
import { qemuText } from "./kata-texts.js";

describe("errors of a configuration", () => {
  let fixture: ConfigFixture;
  beforeEach(() => {
    fixture = new ConfigFixture();
  });
  afterEach(() => fixture.remove());

  /** Asserts that a text is refused for one reason: code, line of the file, and what the message says of it. */
  async function refused(text: string, code: string, line: number, says: string, options?: LoadOptions): Promise<void> {
    const error = await fixture.refusal(text, options);
    expect(error.message).to.contain(says);
    expect(error.code).to.equal(code);
    const [first = "", second = ""] = error.message.split("\n");
    expect(first.startsWith(`${fixture.file}:${line}: `), first).to.equal(true);
    const offending = text.split("\n")[line - 1] ?? "";
    expect(second).to.equal(`${String(line).padStart(5)} | ${offending}`);
  }

  const hypervisor = (...lines: string[]) => ["[hypervisor.qemu]", ...lines].join("\n");

  it("name an unknown key and the nearest known one", async () => {
    await refused(
      hypervisor("", "default_memry = 2048"),
      "KATA_CONFIG_UNKNOWN_KEY",
      3,
      'hypervisor.qemu.default_memry is not a known key; did you mean "default_memory"?',
    );
    await refused("[runtime]\nnaem = 1", "KATA_CONFIG_UNKNOWN_KEY", 2, 'did you mean "name"?');
    await refused("[agent.kata.mem_agent]\nmemcg_swapp = true", "KATA_CONFIG_UNKNOWN_KEY", 2, '"memcg_swap"');
    await refused("[hypervisor.qemu.factory]\nfoobarbazqux = 1", "KATA_CONFIG_UNKNOWN_KEY", 2, "is not a known key\n");
  });

  it("name an unknown table", async () => {
    await refused(
      "\n[runtim]\nname = 1",
      "KATA_CONFIG_UNKNOWN_KEY",
      2,
      'runtim is not a known table or key; did you mean "runtime"?',
    );
    await refused("hypervisor = 1", "KATA_CONFIG_TYPE", 1, "hypervisor is no table");
    await refused("[hypervisor]\nqemu = 1", "KATA_CONFIG_TYPE", 2, "hypervisor.qemu is no table");
    await refused("runtime = 1", "KATA_CONFIG_TYPE", 1, "runtime is no table");
  });

  it("say what became of keys that Kata's Go runtime has", async () => {
    await refused("[agent.kata]\ndial_timeout = 60", "KATA_CONFIG_UNKNOWN_KEY", 2, "it is now dial_timeout_ms");
    await refused(hypervisor("measurement_algo = ''"), "KATA_CONFIG_UNKNOWN_KEY", 2, "dropped it");
    await refused("[factory]\nenable_template = true", "KATA_CONFIG_UNKNOWN_KEY", 1, "[hypervisor.<name>.factory]");
  });

  it("name a value of the wrong type", async () => {
    const wrong = (line: string, says: string) => refused(hypervisor(line), "KATA_CONFIG_TYPE", 2, says);
    await wrong('default_memory = "2G"', 'hypervisor.qemu.default_memory is the string "2G"; it takes a whole number');
    await wrong("default_memory = 2048.0", "is the number 2048.0; it takes a whole number");
    await wrong("default_memory = 2e3", "it takes a whole number");
    await wrong("enable_debug = 1", "is the number 1; it takes a boolean");
    await wrong("kernel = true", "is the boolean true; it takes a string");
    await wrong("kernel = 1979-05-27", "is the date 1979-05-27; it takes a string");
    await wrong("pflashes = 'x'", "it takes a list of strings");
    await wrong("pflashes = ['x', 1]", "item 2 is the number 1; it takes a string");
    await wrong("factory = 1", "it takes a table");
    await wrong("kernel = { a = 1 }", "is a table; it takes a string");
    await wrong("guest_extension_images = [1]", "item 1 is not a table");
    await refused(
      "[agent.kata.mem_agent]\ncompact_force_times = 1.5",
      "KATA_CONFIG_TYPE",
      2,
      "it takes a whole number",
    );
  });

  it("name a value out of its range", async () => {
    const wrong = (line: string, says: string) => refused(hypervisor(line), "KATA_CONFIG_VALUE", 2, says);
    await wrong("default_memory = 63", "is 63; it takes from 64 MiB to 4294967295 MiB");
    await wrong("default_vcpus = 257", "it takes at most 256");
    await wrong("default_vcpus = nan", "it takes a finite number");
    await wrong("overhead_vcpus = -0.5", "it takes from 0 to 256");
    await wrong("default_bridges = 6", "from 0 to 5");
    await wrong("queue_size = 100", "is 100; it takes a power of two from 0 to 32768");
    await wrong("virtio_fs_queue_size = 65536", "a power of two");
    await wrong("block_device_logical_sector_size = 256", "0 or a power of two from 512 bytes to 65536 bytes");
    await wrong("memory_offset = 9223372036854775807", "it takes at most 9007199254740991");
    await wrong('rootfs_type = "btrfs"', 'is "btrfs"; it takes one of "ext4", "xfs", "erofs"');
    await wrong('log_level = "verbose"', '"critical"');
    await wrong('kernel = "vmlinux"', "it takes an absolute path");
    await wrong('enable_annotations = ["ok", "(", "x"]', 'item 2 is "(", which is not a regular expression');
    await wrong('enable_annotations = ["a)|(b"]', "which is not a regular expression");
    await refused("[agent.kata]\ndial_timeout_ms = 0", "KATA_CONFIG_VALUE", 2, "it takes from 1 ms");
    await refused(
      "[agent.kata.mem_agent]\ncompact_force_times = -1",
      "KATA_CONFIG_VALUE",
      2,
      "it takes 0 to 9223372036854775807",
    );
  });

  it("name values that are impossible together", async () => {
    const wrong = (lines: string[], line: number, says: string) =>
      refused(hypervisor(...lines), "KATA_CONFIG_VALUE", line, says);
    await wrong(["default_vcpus = 4", "default_maxvcpus = 2"], 3, "is 2, less than default_vcpus = 4");
    await wrong(["default_maxmemory = 1024"], 2, "less than default_memory = 2048");
    await wrong(
      ["block_device_physical_sector_size = 512", "block_device_logical_sector_size = 4096"],
      3,
      "is 4096, more than block_device_physical_sector_size = 512",
    );
    await refused(
      "[agent.kata]\ndial_timeout_ms = 4000",
      "KATA_CONFIG_VALUE",
      2,
      "reconnect_timeout_ms is 3000, less than",
    );
    await refused("[agent.kata]\nreconnect_timeout_ms = 5", "KATA_CONFIG_VALUE", 2, "less than dial_timeout_ms = 10");
    await refused(
      "[runtime]\ndisable_new_netns = true",
      "KATA_CONFIG_VALUE",
      2,
      'needs internetworking_model = "none"',
    );
    await refused("[runtime]\nsandbox_bind_mounts = ['/a/../b']", "KATA_CONFIG_VALUE", 2, "absolute path");
    await refused("[[runtime.shared_mounts]]\nname = 'x'", "KATA_CONFIG_VALUE", 1, 'an entry without "src_ctr"');
    await refused(
      "[runtime]\nshared_mounts = [{name='m',src_ctr='a',src_path='/a/../b',dst_ctr='b',dst_path='/c'}]",
      "KATA_CONFIG_VALUE",
      2,
      'absolute one without ".."',
    );
  });

  it("name a key that is set by two names", async () => {
    await refused(
      hypervisor('extra_monitor_socket = "hmp"', 'dbg_monitor_socket = "qmp"'),
      "KATA_CONFIG_VALUE",
      3,
      "is the same key as extra_monitor_socket",
    );
  });

  it("name a file that is not there, with the key that sets it", async () => {
    const wrong = (line: string, says: string) => refused(hypervisor(line), "KATA_CONFIG_FILE_MISSING", 2, says);
    await wrong('kernel = "/nowhere/vmlinux"', 'hypervisor.qemu.kernel is "/nowhere/vmlinux", which does not exist');
    await wrong('image = "/nowhere/x"', "does not exist");
    await wrong('path = "/nowhere/qemu"', "does not exist");
    await wrong('virtio_fs_daemon = "/nowhere/virtiofsd"', "does not exist");
    await wrong(`initrd = "${fixture.directory}"`, "is no file");
    await wrong(`firmware = "${fixture.file}/x"`, "does not exist");
    const plain = fixture.write("not-a-program", "");
    await wrong(`path = "${plain}"`, "cannot be executed");
  });

  it("are not about files that nothing will use", async () => {
    await fixture.load(hypervisor('virtio_fs_daemon = "/nowhere"', 'shared_fs = "none"'));
    await fixture.load(hypervisor('kernel = "/nowhere"'), { checkFiles: false });
    await fixture.load(`${hypervisor("")}\n[hypervisor.dragonball]\nkernel = "/nowhere"`);
  });

  it("name a chosen table that is not there", async () => {
    await refused(
      '[hypervisor.qmeu]\n[runtime]\nhypervisor_name = "qemu"',
      "KATA_CONFIG_VALUE",
      3,
      'runtime.hypervisor_name is "qemu", but there is no table [hypervisor.qemu]; there is [hypervisor.qmeu]',
    );
    await refused("[hypervisor.qmeu]", "KATA_CONFIG_VALUE", 1, "there is [hypervisor.qmeu]");
    await refused("[agent.katta]", "KATA_CONFIG_VALUE", 1, 'runtime.agent_name is "kata"');
  });

  it("are all said at once, in the order of their lines", async () => {
    const text = ["[runtime]", "x1 = 1", "[hypervisor.qemu]", "queue_size = 3", "x2 = 2", "[zzz]"].join("\n");
    const error = await fixture.refusal(text);
    expect(error.code).to.equal("KATA_CONFIG_INVALID");
    expect(problemsOf(error).map((one) => one.code)).to.deep.equal([
      "KATA_CONFIG_UNKNOWN_KEY",
      "KATA_CONFIG_VALUE",
      "KATA_CONFIG_UNKNOWN_KEY",
      "KATA_CONFIG_UNKNOWN_KEY",
    ]);
    const lines = error.message.split("\n").flatMap((line) => /configuration\.toml:(\d+): /.exec(line)?.[1] ?? []);
    expect(lines).to.deep.equal(["2", "4", "5", "6"]);
    expect(error.message.split("\n")[0]).to.equal("the configuration has 4 errors:");
  });

  it("of several files that are not TOML are said at once too", async () => {
    const dropIn = fixture.write("config.d/10-x", "b = = 1");
    const error = await fixture.refusal("a = = 1");
    expect(problemsOf(error).map((one) => one.message.split("\n")[0])).to.deep.equal([
      `${fixture.file}:1: not TOML: invalid value`,
      `${dropIn}:1: not TOML: invalid value`,
    ]);
  });

  it("never show a secret", async () => {
    const error = await fixture.refusal('[runtime]\njaeger_password = ["hunter2"]');
    expect(error.code).to.equal("KATA_CONFIG_TYPE");
    expect(error.message).to.not.contain("hunter2");
  });

  it("of the plugins key name what is no package", async () => {
    for (const bad of ["./x", "../x", "foo@1.2", "@a/../b", "a/b", "/a/../b", "Upper", ""]) {
      await refused(`plugins = ["ok", "${bad}"]`, "KATA_CONFIG_VALUE", 1, JSON.stringify(bad));
    }
    await refused("plugins = 'x'", "KATA_CONFIG_TYPE", 1, "it takes a list of strings");
  });

  it("of the plugins key come before any package is loaded", async () => {
    fixture.write("configuration.toml", 'plugins = ["./evil"]');
    const error = await refusalOf(readConfig({ path: fixture.file }));
    expect(error.code).to.equal("KATA_CONFIG_VALUE");
  });

  it("cut long lines and show control characters as dots", async () => {
    const error = await fixture.refusal(hypervisor(`machine_typ = "${"x".repeat(1000)}"\t# a`));
    for (const line of error.message.split("\n")) expect(line.length).to.be.at.most(180);
    const other = await fixture.refusal('[runtime]\n"na\\u001b[31mme" = 1 # \t');
    expect(other.message).to.not.contain("\u001b");
  });

  it("do not keep an unchanged file of Kata's from loading once they are mended", async () => {
    const text = qemuText(fixture.installed);
    const error = await fixture.refusal(text.replace("queue_size = 128", "queue_size = 127"));
    expect(error.message).to.contain("queue_size is 127");
    await fixture.load(text);
  });
});
