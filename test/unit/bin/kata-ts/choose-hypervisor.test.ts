import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { chooseHypervisor, formatChosen } from "../../../../src/bin/kata-ts/choose-hypervisor.js";

describe("the hypervisor of who has named none", () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "kata-ts-choice-"))));
  afterEach(() => rmSync(directory, { recursive: true }));

  const choose = (text: string, usable: boolean) => {
    const config = join(directory, "configuration.toml");
    writeFileSync(config, text, { mode: 0o600 });
    return chooseHypervisor({ config, probe: async () => ({ usable, reason: "the test says so" }) });
  };

  it("is the machine in this process where KVM runs guests, and QEMU elsewhere, with the reason", async () => {
    const here = await choose("[agent.kata]\ndebug_console_enabled = true\n", true);
    expect(here?.name).to.equal("dragonball");
    expect(here && formatChosen(here)).to.equal(
      "the machine is dragonball's, in this process, by KVM: the test says so",
    );
    const elsewhere = await choose("", false);
    expect(elsewhere?.name).to.equal("qemu");
    expect(elsewhere && formatChosen(elsewhere)).to.equal(
      "the machine is qemu's, emulated, which is slow: the test says so",
    );
  });

  it("is the configuration's, where it has a word about hypervisors", async () => {
    for (const text of [
      '[runtime]\nhypervisor_name = "qemu"\n',
      "[hypervisor.qemu]\ndefault_memory = 512\n",
      "[hypervisor.dragonball]\n",
    ]) {
      expect(await choose(text, true), text).to.equal(undefined);
      expect(await choose(text, false), text).to.equal(undefined);
    }
  });
});
