import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { needsRealKvm } from "../../support/needs-kvm.js";
import { runKataTs } from "../../support/program.js";
import { makeBusyboxRootfs } from "../../support/rootfs.js";
import { copyScript, expectCopy, templateConfig } from "../../support/template-copy.js";

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
    const seen = await Promise.all(
      names.map(async (name) => {
        const command = ["--", "/bin/sh", "-c", copyScript];
        return expectCopy(await runKataTs(["run", "--timings", "--config", config, join(directory, name), ...command]));
      }),
    );
    expect(seen[0]).to.not.equal(seen[1]);
  });
});
