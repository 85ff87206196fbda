import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { checkLeaks } from "../../support/leaks.js";
import { type Finished, runKataTs } from "../../support/program.js";
import { makeBusyboxRootfs } from "../../support/rootfs.js";

describe("kata-ts run, when there is no guest because", () => {
  const mark = `kata-ts-faults-${process.pid}`;
  const directory = join(tmpdir(), mark);
  const config = join(directory, "configuration.toml");
  const temporary = join(directory, "tmp");
  before(() => {
    mkdirSync(temporary, { recursive: true });
    makeBusyboxRootfs(join(directory, "rootfs"));
  });
  after(() => rmSync(directory, { recursive: true }));
  checkLeaks(() => ({ marks: [mark], directories: [temporary] }));

  /** Runs a container with a line of `[hypervisor.qemu]`, which is the configuration's second, and expects it to fail. */
  async function failure(line: string, more: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<string> {
    writeFileSync(config, ["[hypervisor.qemu]", line, ...more, ""].join("\n"));
    const args = ["run", "--config", config, "--id", mark, join(directory, "rootfs"), "--", "true"];
    const finished: Finished = await runKataTs(args, { env: { TMPDIR: temporary, ...env } });
    expect(finished).to.include({ status: 1, stdout: "" });
    expect(finished.stderr).to.match(/^kata-ts: /);
    expect(readdirSync(temporary)).to.deep.equal([]);
    return finished.stderr;
  }

  for (const key of ["kernel", "image", "initrd", "path", "virtio_fs_daemon"]) {
    it(`${key} names a file that is not there`, async () => {
      const path = `/nowhere/${mark}`;
      const said = await failure(`${key} = "${path}"`);
      expect(said).to.include(`${config}:2: hypervisor.qemu.${key} is "${path}", which does not exist`);
      expect(said).to.include("[KATA_CONFIG_FILE_MISSING]");
    });
  }

  for (const [key, path, code] of [
    ["kernel", config, "KATA_QEMU_EXITED"],
    ["path", "/bin/true", "KATA_QEMU_EXITED"],
    ["virtio_fs_daemon", "/bin/true", "KATA_VIRTIOFS_DAEMON_UNKNOWN"],
  ] as const) {
    it(`${key} names a file that is something else`, async () => {
      const said = await failure(`${key} = "${path}"`);
      expect(said)
        .to.match(new RegExp(`[[ ]${code}[,\\]]`))
        .and.include(path)
        .and.include(key);
    });
  }

  it("there is no QEMU on the search path", async () => {
    const said = await failure("", [], { PATH: "/nowhere" });
    expect(said).to.include("no QEMU: qemu-system-x86_64 in PATH is not an executable program");
    expect(said).to.include("set [hypervisor.qemu] path (default), or install").and.include("[KATA_QEMU_MISSING]");
  });

  it("its kernel panics, in the kernel's words", async () => {
    const said = await failure('kernel_params = "init=/nonexistent"');
    expect(said).to.include("[KATA_GUEST_PANIC]").and.include("panicked: Attempted to kill init!");
    expect(said).to.match(/its console says:\n(?: {2}.*\n)* {2}.*nonexistent/);
  });

  it("its agent never answers, with the end of its console", async () => {
    const said = await failure('kernel_params = "init=/bin/sh"', ["[agent.kata]", "reconnect_timeout_ms = 1000"]);
    expect(said).to.match(/waited 10000 ms for the agent at .* to answer \(\[agent\.kata\] reconnect_timeout_ms\)/);
    expect(said)
      .to.include("[KATA_DEADLINE]")
      .and.match(/its console ends:\n(?: {2}.*\n)* {2}.*#/);
  });
});
