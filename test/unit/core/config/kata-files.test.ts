import { expect } from "chai";
import { agentKeys, memAgentKeys } from "../../../../src/core/config/keys/agent.js";
import { hypervisorKeys } from "../../../../src/core/config/keys/hypervisor.js";
import { runtimeKeys } from "../../../../src/core/config/keys/runtime.js";
import { ConfigFixture } from "./config-fixture.js";
import { dragonballText, qemuText, rareAgentKeys, rareHypervisorKeys, rareRuntimeKeys } from "./kata-texts.js";

describe("Kata's own configuration files", () => {
  let fixture: ConfigFixture;
  beforeEach(() => {
    fixture = new ConfigFixture();
  });
  afterEach(() => fixture.remove());

  /** A text with the rare keys put where their tables begin. */
  const withRareKeys = (text: string, hypervisor: string) =>
    text
      .replace(`[hypervisor.${hypervisor}]`, (header) => header + rareHypervisorKeys)
      .replace("[agent.kata]", (header) => header + rareAgentKeys)
      .replace("[runtime]", (header) => header + rareRuntimeKeys);

  it("load unchanged for Dragonball", async () => {
    const config = await fixture.load(dragonballText(fixture.installed));
    expect(config.runtime).to.include({ name: "virt-container", hypervisor_name: "dragonball", use_passfd_io: true });
    expect(config.hypervisor).to.include({ shared_fs: "inline-virtio-fs", default_memory: 2048, overhead_vcpus: 0.2 });
    expect(config.agent).to.include({ container_pipe_size: 1, reconnect_timeout_ms: 3000 });
    expect(config.agent.mem_agent.compact_force_times).to.equal(9223372036854775807n);
  });

  it("load unchanged for QEMU", async () => {
    const config = await fixture.load(qemuText(fixture.installed));
    expect(config.hypervisor).to.include({ machine_type: "q35", block_device_driver: "virtio-scsi", memory_slots: 10 });
    expect(config.hypervisor.factory).to.deep.equal({ enable_template: false, template_path: "/run/vc/vm/template" });
    expect(config.agent.mem_agent.compact_sec_max).to.equal(300);
    expect(config.hypervisor.tdx_quote_generation_service_socket_port).to.equal(0);
  });

  it("may have every key that Kata's parser takes", async () => {
    for (const [hypervisor, text] of [
      ["dragonball", dragonballText(fixture.installed)],
      ["qemu", qemuText(fixture.installed)],
    ] as const) {
      const config = await fixture.load(withRareKeys(text, hypervisor));
      expect(config.hypervisor.rootless_user.groups).to.deep.equal([10, 20]);
      expect(config.hypervisor.guest_extension_images).to.deep.equal([
        { name: "x", path: "/x.img", verity_params: "" },
      ]);
      expect(config.runtime.shared_mounts[0]).to.include({ src_ctr: "a", dst_path: "/y/z" });
    }
  });

  it("have together with the rare keys every key there is", async () => {
    const written = new Set<string>();
    for (const [hypervisor, text] of [
      ["dragonball", dragonballText(fixture.installed)],
      ["qemu", qemuText(fixture.installed)],
    ] as const) {
      const config = await fixture.load(withRareKeys(text, hypervisor));
      for (const { key, origin } of config.listing()) {
        if (origin.kind === "file") written.add(key.replace(`hypervisor.${hypervisor}`, "hypervisor"));
      }
    }
    const tables = { hypervisor: hypervisorKeys, "agent.kata": agentKeys, "agent.kata.mem_agent": memAgentKeys };
    for (const [table, keys] of Object.entries({ ...tables, runtime: runtimeKeys })) {
      for (const [name, row] of Object.entries(keys)) {
        if (row.type !== "table") expect(written.has(`${table}.${name}`), `${table}.${name}`).to.equal(true);
      }
    }
  });

  it("list every value with its line", async () => {
    const text = qemuText(fixture.installed);
    const config = await fixture.load(text);
    const lines = text.split("\n");
    for (const { key, origin } of config.listing()) {
      if (origin.kind !== "file") continue;
      const name = key.split(".").at(-1) ?? "";
      expect(lines[origin.line - 1], key).to.match(new RegExp(`^${name}\\s*=`));
    }
  });
});
