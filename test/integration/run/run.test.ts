import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { runKataTs, runProgram } from "../../support/program.js";
import { makeBusyboxRootfs } from "../../support/rootfs.js";

/** What it says first when nobody has named a hypervisor. */
const chosen = /^kata-ts: the machine is (?:qemu's, emulated|dragonball's, in this process), .*\n/;

describe("kata-ts run", () => {
  let directory: string;
  let rootfs: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "kata-ts-run-"));
    rootfs = join(directory, "rootfs");
    makeBusyboxRootfs(rootfs);
  });
  after(() => rm(directory, { recursive: true }));

  const sh = (script: string, flags: readonly string[] = [], input = "") =>
    runKataTs(["run", ...flags, rootfs, "--", "/bin/sh", "-c", script], { input });

  it("runs a command in a guest with a kernel of its own, and gives its exit status", async () => {
    const { status, stdout, stderr } = await sh("uname -r; echo to-stderr >&2; exit 42");
    expect(stderr.replace(chosen, "")).to.equal("to-stderr\n");
    expect(status).to.equal(42);
    expect(stdout.trim())
      .to.match(/^\d+\.\d+/)
      .and.not.equal(release());
  });

  it("passes on stdin and its end", async () => {
    const input = "line\n".repeat(20_000);
    const { status, stdout } = await sh("wc -c", [], input);
    expect({ status, bytes: Number(stdout) }).to.deep.equal({ status: 0, bytes: input.length });
  });

  it("keeps a read-only root file system read-only, also on the host", async () => {
    const { stdout } = await sh("touch /new 2>&1; mount -o remount,rw / 2>&1; touch /new 2>&1", ["--read-only"]);
    expect(stdout).to.include("Read-only file system");
    const left = await readFile(join(rootfs, "new")).catch((error: NodeJS.ErrnoException) => error.code);
    expect(left).to.equal("ENOENT");
  });

  it("says what is wrong with a command that is not there", async () => {
    const { status, stderr } = await runKataTs(["run", rootfs, "--", "/bin/nothing"]);
    expect(status).to.equal(1);
    expect(stderr.replace(chosen, "")).to.match(/^kata-ts: .*\/bin\/nothing/);
  });

  it("names the configuration key of a kernel that is missing, and makes nothing", async () => {
    const config = join(directory, "configuration.toml");
    await writeFile(config, `[hypervisor.qemu]\nkernel = "/nowhere/vmlinuz"\nshared_fs = "virtio-fs"\n`);
    const { status, stderr } = await runKataTs(["run", "--config", config, rootfs, "--", "/bin/true"]);
    expect(status).to.equal(1);
    expect(stderr).to.include(`${config}:2`).and.to.include("kernel").and.to.include("/nowhere/vmlinuz");
  });

  it("names the line that chose a plugin nobody has", async () => {
    const config = join(directory, "agent.toml");
    await writeFile(config, `[runtime]\nagent_name = "cata"\n`);
    const { status, stderr } = await runKataTs(["run", "--config", config, rootfs, "--", "/bin/true"]);
    expect(status).to.equal(1);
    expect(stderr).to.include(`no agent plugin "cata" (runtime.agent_name, ${config}:2)`);
  });

  it("says in whose machine it runs, and why, unless that was said to it", async () => {
    const config = join(directory, "empty.toml");
    await writeFile(config, "");
    const rest = [join(directory, "absent"), "--", "/bin/true"];
    expect((await runKataTs(["run", "--config", config, ...rest])).stderr).to.match(chosen);
    const named = await runKataTs(["run", "--config", config, "--hypervisor", "qemu", ...rest]);
    expect(named.stderr).to.include("[KATA_USAGE_ROOTFS]").and.not.match(chosen);
    await writeFile(config, '[runtime]\nhypervisor_name = "qemu"\n');
    expect((await runKataTs(["run", "--config", config, ...rest])).stderr).not.to.match(chosen);
  });

  it("says what is wrong with a root file system that is none", async () => {
    const absent = await runKataTs(["run", join(directory, "absent"), "--", "/bin/true"]);
    expect(absent.status).to.equal(1);
    expect(absent.stderr).to.include("[KATA_USAGE_ROOTFS]").and.to.include("cannot be opened").and.to.include("ENOENT");
    const file = await runKataTs(["run", join(rootfs, "bin/busybox"), "--", "/bin/true"]);
    expect(file.status).to.equal(1);
    expect(file.stderr).to.include("is not a directory; give the directory");
  });

  it("names the hypervisors there are when one is not", async () => {
    const { status, stderr } = await runKataTs(["run", "--hypervisor", "quemu", rootfs, "--", "/bin/true"]);
    expect(status).to.equal(1);
    expect(stderr).to.include("quemu").and.to.include("qemu").and.to.include("--hypervisor");
  });
});

describe("the example that embeds the runtime", () => {
  it("runs a command with its output in a file", async () => {
    const directory = await mkdtemp(join(tmpdir(), "kata-ts-embed-"));
    try {
      makeBusyboxRootfs(join(directory, "rootfs"));
      const program = fileURLToPath(new URL("../../../examples/embed/embed.js", import.meta.url));
      const output = join(directory, "output");
      const args = [program, join(directory, "rootfs"), output, "/bin/sh", "-c", "echo embedded; exit 5"];
      const { status, stdout, stderr } = await runProgram(process.execPath, args);
      expect(stderr).to.equal("");
      expect({ status, stdout }).to.deep.equal({ status: 5, stdout: "example ended with 5\n" });
      expect(await readFile(output, "utf8")).to.equal("embedded\n");
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
