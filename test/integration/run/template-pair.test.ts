import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { needsRealKvm } from "../../support/needs-kvm.js";
import { runKataTs } from "../../support/program.js";
import { makeBusyboxRootfs } from "../../support/rootfs.js";
import { templateConfig } from "../../support/template-config.js";

describe("kata-ts with a template, twice at the same moment", () => {
  const names = ["one", "other"] as const;
  let directory: string;
  let config: string;

  const factory = (action: string) => runKataTs(["factory", action, "--config", config], { ms: 300_000 });

  before(async function () {
    await needsRealKvm(this);
    directory = mkdtempSync(join(tmpdir(), "kata-ts-template-"));
    for (const name of names) makeBusyboxRootfs(join(directory, name));
    config = join(directory, "configuration.toml");
    writeFileSync(config, templateConfig({ memory: 256, template: join(directory, "template") }));
    const { status, stderr } = await factory("init");
    expect(status, stderr).to.equal(0);
  });

  after(async () => {
    if (directory === undefined) return;
    await factory("destroy");
    rmSync(directory, { recursive: true });
  });

  it("goes on in both, each of its own", async () => {
    const script =
      "head -c 16 /dev/urandom | od -An -tx1; dd if=/dev/urandom bs=64k count=16 2>/dev/null | tee /file | md5sum; md5sum </file";
    const command = ["--", "/bin/sh", "-c", script];
    const seen = await Promise.all(
      names.map(async (name) => {
        const words = ["run", "--timings", "--config", config, join(directory, name), ...command];
        const { status, stdout, stderr } = await runKataTs(words);
        expect(status, stderr).to.equal(0);
        expect(stderr).to.match(/^a guest of its own +\d+ ms$/m);
        const [random, written, read] = stdout.trim().split("\n");
        expect(read).to.equal(written);
        return random;
      }),
    );
    expect(seen[0]).to.match(/^([0-9a-f]{2} ){15}[0-9a-f]{2}$/);
    expect(seen[0]).to.not.equal(seen[1]);
  });
});
