import { expect } from "chai";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { formatOrigin } from "../../../../src/core/config/source.js";
import { ConfigFixture } from "./config-fixture.js";

describe("drop-ins", () => {
  let fixture: ConfigFixture;
  beforeEach(() => {
    fixture = new ConfigFixture();
  });
  afterEach(() => fixture.remove());

  it("are laid over the file in the order of their names, whatever these end with", async () => {
    const second = fixture.write("config.d/20-second", "[hypervisor.qemu]\ndefault_memory = 3000\n");
    const first = fixture.write(
      "config.d/10-first.toml",
      "[hypervisor.qemu]\ndefault_memory = 2000\ndefault_vcpus = 2\n",
    );
    const config = await fixture.load("[hypervisor.qemu]\ndefault_memory = 1000\nmemory_slots = 5\n");
    expect(config.dropIns).to.deep.equal([first, second]);
    expect(config.hypervisor).to.include({ default_memory: 3000, default_vcpus: 2, memory_slots: 5 });
    const origin = (key: string) => formatOrigin(config.hypervisorOrigin(key));
    expect(origin("default_memory")).to.equal(`drop-in ${second}:2`);
    expect(origin("default_vcpus")).to.equal(`drop-in ${first}:3`);
    expect(origin("memory_slots")).to.equal(`${fixture.file}:3`);
    expect(origin("queue_size")).to.equal("default");
  });

  it("are sought beside the file that a link leads to", async () => {
    fixture.write("real/config.d/x", "[runtime]\nkeep_abnormal = true\n");
    const real = fixture.write("real/configuration.toml", "");
    const link = join(fixture.directory, "link.toml");
    symlinkSync(real, link);
    const config = await fixture.load("", { path: link });
    expect(config.file).to.equal(real);
    expect(config.runtime.keep_abnormal).to.equal(true);
  });

  it("are refused when they are symbolic links", async () => {
    const target = fixture.write("elsewhere", "");
    mkdirSync(join(fixture.directory, "config.d"));
    symlinkSync(target, join(fixture.directory, "config.d/link.toml"));
    const error = await fixture.refusal("");
    expect(error.code).to.equal("KATA_CONFIG_DROP_IN");
    expect(error.message).to.contain("config.d/link.toml: it is a symbolic link");
  });

  it("are refused when they are not UTF-8, or too large", async () => {
    fixture.write("config.d/a", Uint8Array.of(0x61, 0xff, 0xfe));
    expect((await fixture.refusal("")).message).to.contain("it is not UTF-8");
    fixture.write("config.d/a", "#".repeat((1 << 20) + 1));
    expect((await fixture.refusal("")).message).to.contain("more than 1048576");
  });

  it("are errors at their own file and line", async () => {
    const path = fixture.write("config.d/x.toml", "\n[hypervisor.qemu]\nquue_size = 1\n");
    const error = await fixture.refusal("[hypervisor.qemu]\n");
    expect(error.message.split("\n")[0]).to.equal(
      `${path}:3: hypervisor.qemu.quue_size is not a known key; did you mean "queue_size"?`,
    );
  });

  it("leave directories alone", async () => {
    fixture.write("config.d/sub/x.toml", "nonsense");
    expect((await fixture.load("")).dropIns).to.deep.equal([]);
  });
});
