import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { codeOf } from "../../../src/core/errors/error.js";
import { isRunning } from "../../../src/core/process/identity.js";
import { DeleteResponse } from "../../../src/core/proto/gen/containerd/task.js";
import { SandboxRecord } from "../../../src/core/sandbox/record.js";
import { parseMountinfo } from "../../../src/core/sys/mountinfo.js";
import type { Finished } from "../../support/program.js";
import { podAnnotations, ShimFixture } from "../../support/shim.js";

/** The answer, whose bytes `runProgram` has read as text; its numbers are small enough for the first fields to survive. */
function exitStatusOf({ stdout }: Finished): boolean {
  return Buffer.from(stdout, "utf8").includes(0x10);
}

describe("containerd-shim-kata-ts-v2 delete", () => {
  let shim: ShimFixture;

  beforeEach(() => {
    shim = new ShimFixture();
  });

  afterEach(() => {
    for (const { mountPoint } of mounts()) execFileSync("umount", ["-l", mountPoint]);
    shim.close();
  });

  const mounts = () =>
    parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8")).filter(({ mountPoint }) =>
      mountPoint.startsWith(shim.directory),
    );

  /** Processes of a sandbox, by the mark in their environment. */
  function processes(id: string): number[] {
    return readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry) && environment(entry).includes(`SANDBOX=${id}`))
      .map(Number);
  }

  function environment(pid: string): string[] {
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    } catch (error) {
      if (["ENOENT", "ESRCH", "EACCES"].includes(codeOf(error) ?? "")) return [];
      throw error;
    }
  }

  async function kill(id: string): Promise<void> {
    const process_ = shim.shim(id);
    process.kill(process_.pid, "SIGKILL");
    await shim.gone(process_);
  }

  /** Expects that nothing is left of any sandbox. */
  function expectNothing(...ids: readonly string[]): void {
    expect(shim.leftovers()).to.deep.equal([]);
    expect(mounts()).to.deep.equal([]);
    for (const id of ids) expect(processes(id)).to.deep.equal([]);
  }

  it("ends what a killed shim left: processes and what they forked, mounts, files, its own", async () => {
    const id = `d1-${process.pid}`;
    await shim.run(id, ["spawn", "1000"]);
    expect(processes(id)).to.have.length(2);
    const outside = join(shim.directory, "outside");
    mkdirSync(join(outside, "tree", "below"), { recursive: true });
    mkdirSync(join(outside, "empty"));
    writeFileSync(join(outside, "file"), "");
    const record = SandboxRecord.load(join(shim.roots.run, shim.namespace, id));
    record?.tree(join(outside, "tree"));
    record?.directory(join(outside, "empty"));
    mkdirSync(join(shim.directory, "shared", "with others"), { recursive: true });
    const shared = [join(outside, "shared"), join(shim.directory, "shared")];
    mkdirSync(join(outside, "shared", "own"), { recursive: true });
    record?.directories(shared.map((path) => ({ kind: "shared directory", path })));
    record?.directories([{ kind: "directory", path: join(outside, "shared", "own") }]);
    record?.file(join(outside, "file"));
    record?.file(join(outside, "never made"));
    execFileSync("mount", ["-t", "tmpfs", "test", join(outside, "tree", "below")]);
    execFileSync("mount", ["-t", "tmpfs", "test", join(shim.bundle(id).path, "rootfs")]);
    await kill(id);
    const finished = await shim.delete(id);
    expect(finished.stderr).to.equal("");
    expect(finished.status).to.equal(0);
    expect(exitStatusOf(finished)).to.equal(true);
    expectNothing(id);
    expect(readdirSync(outside)).to.deep.equal([]);
    expect(readdirSync(join(shim.directory, "shared"))).to.deep.equal(["with others"]);
  });

  it("prints the pid and 137", async () => {
    const { path } = shim.bundle("none").configure({});
    const args = [...shim.flags("none"), "-bundle", path, "delete"];
    const { exitStatus, exitedAt } = DeleteResponse.decode(execFileSync(shim.program, args));
    expect(exitStatus).to.equal(137);
    expect(Math.abs(Number(exitedAt?.seconds) - Date.now() / 1000)).to.be.lessThan(60);
  });

  it("is harmless when repeated, and done twice at once", async () => {
    const id = `d2-${process.pid}`;
    await shim.run(id, ["spawn", "1000"]);
    await kill(id);
    const both = await Promise.all([shim.delete(id), shim.delete(id)]);
    const again = await shim.delete(id);
    for (const { status, stderr } of [...both, again])
      expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
    expectNothing(id);
  });

  it("unmounts what the runtime had mounted", async () => {
    await shim.run("d3", ["mount", "1000"]);
    expect(mounts()).to.have.length(1);
    await kill("d3");
    expect((await shim.delete("d3")).status).to.equal(0);
    expectNothing();
  });

  it("has a living shim end a container, and leaves the others of its pod alone", async () => {
    const sandbox = await shim.run("pod", ["sleep", "1000"], podAnnotations("sandbox", "pod"));
    await shim.run("c1", ["sleep", "1000"], podAnnotations("container", "pod"));
    const other = await shim.run("c2", ["sleep", "1000"], podAnnotations("container", "pod"));
    expect((await shim.delete("c1")).status).to.equal(0);
    expect(await other.state({ id: "c1", execId: "" }).catch(String)).to.contain("not found");
    expect((await other.state({ id: "c2", execId: "" })).status).to.equal(2);
    expect((await sandbox.state({ id: "pod", execId: "" })).status).to.equal(2);
    const daemon = shim.shim("pod");
    for (const id of ["c2", "pod"]) expect((await shim.delete(id)).status).to.equal(0);
    await shim.gone(daemon);
    expectNothing();
  });

  it("cleans up the whole pod of a killed shim, whichever container comes first", async () => {
    await shim.run("pod", ["spawn", "1000"], podAnnotations("sandbox", "pod"));
    await shim.run("c1", ["sleep", "1000"], podAnnotations("container", "pod"));
    await shim.run("c2", ["sleep", "1000"], podAnnotations("container", "pod"));
    await kill("pod");
    const all = await Promise.all(["c1", "pod", "c2"].map((id) => shim.delete(id)));
    for (const { status, stderr } of all) expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
    expectNothing("pod");
  });

  it("kills a shim that does not answer, with its sandbox", async () => {
    const id = `d4-${process.pid}`;
    await shim.run(id, ["spawn", "1000"]);
    const daemon = shim.shim(id);
    process.kill(daemon.pid, "SIGSTOP");
    expect((await shim.delete(id)).status).to.equal(0);
    expect(isRunning(daemon)).to.equal(false);
    expectNothing(id);
  });

  it("works without a config.json, and with one that is broken", async () => {
    await shim.run("d5", ["mount", "1000"]);
    await kill("d5");
    shim.bundle("d5").configure("{");
    expect((await shim.delete("d5")).status).to.equal(0);
    expectNothing();
  });

  it("says what it could not undo, keeps the record of it, and succeeds when it can", async () => {
    await shim.run("d6", ["mount", "1000"]);
    await kill("d6");
    const directory = join(shim.roots.run, shim.namespace, "d6");
    const record = readFileSync(join(directory, "record.json"), "utf8");
    const busy = join(shim.directory, "busy");
    mkdirSync(join(busy, "not empty"), { recursive: true });
    SandboxRecord.load(directory)?.directory(busy);
    const failed = await shim.delete("d6");
    expect(failed.status).to.equal(1);
    expect(failed.stderr)
      .to.match(/^containerd-shim-kata-ts-v2: [^\n]+\n$/)
      .and.contain(busy);
    expect(existsSync(directory)).to.equal(true);
    expect(record).to.contain("mounted");
    execFileSync("rmdir", [join(busy, "not empty")]);
    expect((await shim.delete("d6")).status).to.equal(0);
    expectNothing();
  });

  it("is done by the next start, when nobody called it", async () => {
    const id = `d7-${process.pid}`;
    await shim.run(id, ["spawn", "1000"]);
    await kill(id);
    shim.bundle(id).configure({});
    const { status, stderr } = await shim.start(id);
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
    expect(processes(id)).to.deep.equal([]);
    const daemon = shim.shim(id);
    const client = await shim.client(id);
    await client.create(shim.createRequest(id));
    await client.delete({ id, execId: "" });
    await client.shutdown({ id, now: false });
    await shim.gone(daemon);
    expectNothing(id);
  });
});
