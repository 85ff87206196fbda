import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { defaultRoots } from "../../../src/core/runtime/roots.js";
import { SandboxRecord } from "../../../src/core/sandbox/record.js";
import { Containerd } from "../../support/containerd.js";
import { checkLeaks } from "../../support/leaks.js";

const mark = `ktf${process.pid}`;

describe("ctr run, when", () => {
  let containerd: Containerd;
  let last = 0;
  let id: string;
  before(async () => {
    containerd = await Containerd.open();
  });
  after(() => containerd.close());
  beforeEach(() => {
    id = `${mark}-${++last}`;
  });
  checkLeaks(() => ({ marks: [mark] }), 10_000);

  /** Runs a container that cannot be run; what ctr says. containerd must know nothing of it afterwards. */
  async function failure(flags: readonly string[]): Promise<string> {
    const { status, stderr } = await containerd.run(id, ["--rm", ...flags], ["true"]);
    expect(status).to.equal(1);
    expect(await containerd.tasks()).not.to.include.keys(id);
    return stderr;
  }

  /** Flags for a configuration with these lines in `[hypervisor.qemu]`. */
  function configured(...lines: readonly string[]): string[] {
    const path = join(containerd.directory, "configuration.toml");
    writeFileSync(path, ["[hypervisor.qemu]", ...lines, ""].join("\n"));
    return ["--runtime-config-path", path];
  }

  it("the kernel is missing", async () => {
    const said = await failure(configured('kernel = "/nowhere/vmlinuz"'));
    expect(said).to.include('configuration.toml:2: hypervisor.qemu.kernel is "/nowhere/vmlinuz", which does not exist');
  });

  it("the guest panics while it boots", async () => {
    const said = await failure(configured('kernel_params = "init=/nonexistent"'));
    expect(said).to.include(`the guest's kernel of the sandbox "${id}" panicked: Attempted to kill init!`);
    expect(said).to.include("switch_root: can't execute '/nonexistent'");
  });

  it("the container asks for a device of the host", async () => {
    const said = await failure(["--device", "/dev/kvm"]);
    expect(said).to.include('config.json asks for linux.devices = "/dev/kvm", which is not supported: of the host');
  });

  it("QEMU is killed while the container runs", async () => {
    const running = containerd.run(id, ["--rm"], ["sleep", "1000"]);
    const directory = join(defaultRoots.run, "default", id);
    for (let looks = 0; looks < 1200 && (await containerd.tasks()).get(id) !== "RUNNING"; looks++) await sleep(50);
    const qemu = SandboxRecord.load(directory)?.content.processes.find(({ name }) => name === "qemu");
    process.kill(qemu?.identity?.pid ?? expect.fail(`there is no QEMU in ${directory}`), "SIGKILL");
    expect(await running).to.include({ status: 255, stderr: "" });
    expect(containerd.log).to.match(
      new RegExp(`the virtual machine of the sandbox .*${id}.* ended by itself \\(signal SIGKILL\\)`),
    );
  });

  it("the id is taken, or the container is not there or has ended", async () => {
    expect((await containerd.run(id, ["--detach"], ["sleep", "1000"])).status).to.equal(0);
    const again = await containerd.run(id, ["--detach"], ["true"]);
    expect(again.status).to.equal(1);
    expect(again.stderr).to.include(id).and.include("already exists");
    expect((await containerd.tasks()).get(id)).to.equal("RUNNING");

    await containerd.ctr(["tasks", "kill", "--signal", "9", id]);
    for (let looks = 0; looks < 200 && (await containerd.tasks()).get(id) !== "STOPPED"; looks++) await sleep(50);
    const exec = await containerd.ctr(["tasks", "exec", "--exec-id", "e", id, "true"]);
    expect(exec.status).to.equal(1);
    expect(exec.stderr).to.include(`cannot run a process in the container "${id}": it is stopped, and must be running`);
    const kill = await containerd.ctr(["tasks", "kill", id]);
    expect(kill.stderr).to.include("process already finished");
    await containerd.remove(id);
    const gone = await containerd.ctr(["tasks", "exec", "--exec-id", "e", id, "true"]);
    expect(gone.stderr).to.include(id).and.include("not found");
  });
});
