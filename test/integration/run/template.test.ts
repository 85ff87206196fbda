import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { needsRealKvm } from "../../support/needs-kvm.js";
import { runKataTs } from "../../support/program.js";
import { makeBusyboxRootfs } from "../../support/rootfs.js";
import { copyScript, expectCopy, templateConfig } from "../../support/template-copy.js";

describe("kata-ts with a template", () => {
  let directory: string;
  let config: string;
  let rootfs: string;
  let template: string;

  before(async function () {
    await needsRealKvm(this);
    directory = mkdtempSync(join(tmpdir(), "kata-ts-template-"));
    rootfs = join(directory, "rootfs");
    makeBusyboxRootfs(rootfs);
    config = join(directory, "configuration.toml");
    template = join(directory, "template");
    configure(256);
  });

  after(async () => {
    if (directory === undefined) return;
    await factory("destroy");
    rmSync(directory, { recursive: true });
  });

  const configure = (memory: number): void => writeFileSync(config, templateConfig({ memory, template }));

  const factory = (action: string) => runKataTs(["factory", action, "--config", config], { ms: 300_000 });
  const run = (script: string) =>
    runKataTs(["run", "--timings", "--debug", "--config", config, rootfs, "--", "/bin/sh", "-c", script]);
  const mounted = (): boolean => readFileSync("/proc/self/mountinfo", "utf8").includes(` ${template} `);

  it("starts machines from the one that was made, each of its own", async () => {
    expect(await factory("status")).to.include({ status: 1 });
    const made = await factory("init");
    expect(made.status, made.stderr).to.equal(0);
    expect([mounted(), statSync(template).mode & 0o777]).to.deep.equal([true, 0o700]);
    expect((await factory("status")).stdout).to.equal(`machines start from the template at ${template}\n`);
    expect((await factory("init")).stderr).to.include("KATA_TEMPLATE_EXISTS");
    const seen: string[] = [];
    for (let count = 0; count < 2; count++) seen.push(expectCopy(await run(copyScript)));
    expect(seen[0]).to.not.equal(seen[1]);
  });

  it("boots, and says why, when it does not fit", async () => {
    configure(320);
    const { stdout } = await factory("status");
    expect(stdout).to.include("its memory in MiB is 256, configured is 320");
    const { status, stderr } = await run("true");
    expect(status, stderr).to.equal(0);
    expect(stderr).to.include("its template cannot be used").and.include("its memory in MiB is 256");
    configure(256);
  });

  it("is gone when it is removed", async () => {
    expect((await factory("destroy")).stdout).to.equal(`removed ${template}\n`);
    expect(mounted()).to.equal(false);
    expect((await factory("destroy")).stdout).to.equal(`there was no template at ${template}\n`);
  });
});
