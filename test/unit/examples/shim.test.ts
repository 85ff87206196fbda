import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { identityOf, isRunning } from "../../../src/core/process/identity.js";
import { DeleteResponse } from "../../../src/core/proto/gen/containerd/task.js";
import { projectDirectory } from "../../support/project.js";
import { podAnnotations, ShimFixture } from "../../support/shim.js";

const program = join(projectDirectory(), "dist/examples/shim/shim.js");

describe("the example of a shim", () => {
  let shim: ShimFixture;
  let served: number[];

  beforeEach(() => {
    served = [];
    shim = new ShimFixture();
    const lines = [
      `#!/bin/sh`,
      `export EXAMPLE_SHIM_RUN=${shim.roots.run}`,
      `exec ${process.execPath} ${program} "$@"`,
    ];
    writeFileSync(shim.program, `${lines.join("\n")}\n`);
    chmodSync(shim.program, 0o755);
  });

  afterEach(() => {
    // There are some only when a test has failed.
    for (const pid of served) if (identityOf(pid) !== undefined) process.kill(pid, "SIGKILL");
    shim.close();
  });

  /** What is left, but for the directories that all have. */
  const left = () => shim.leftovers().filter((path) => path !== join(shim.roots.run, "shared"));

  /** The process that serves a container, as it says itself. */
  async function serving(id: string): Promise<number> {
    const { shimPid } = await (await shim.client(id)).connect({ id });
    served.push(shimPid);
    return shimPid;
  }

  async function gone(pid: number): Promise<void> {
    const identity = identityOf(pid);
    for (let looks = 0; identity !== undefined && isRunning(identity); looks++) {
      if (looks > 1000) throw new Error(`the process ${pid} does not end`);
      await sleep(10);
    }
  }

  it("runs a container from its start to its end, and leaves nothing", async () => {
    const task = await shim.run("c1", ["exit", "7"]);
    const pid = await serving("c1");
    expect(readFileSync(join(shim.bundle("c1").path, "address"), "utf8")).to.match(/^unix:\/\/.*\.sock$/);
    expect(await task.wait({ id: "c1", execId: "" })).to.include({ exitStatus: 7 });
    expect(await task.delete({ id: "c1", execId: "" })).to.include({ exitStatus: 7 });
    await task.shutdown({ id: "c1", now: false });
    await gone(pid);
    const deleted = await shim.delete("c1");
    expect(deleted).to.include({ status: 0, stderr: "" });
    expect(left()).to.deep.equal([]);
  });

  it("has the containers of a pod in one process", async () => {
    await shim.run("pod", ["sleep", "100"], podAnnotations("sandbox", "pod"));
    await shim.run("c1", ["sleep", "100"], podAnnotations("container", "pod"));
    const pid = await serving("pod");
    expect(await serving("c1")).to.equal(pid);
    // Of one that lives nothing is undone.
    expect(await shim.delete("c1")).to.include({ status: 0, stderr: "" });
    for (const id of ["c1", "pod"]) {
      const task = await shim.client(id);
      await task.kill({ id, execId: "", signal: 9, all: true });
      await task.wait({ id, execId: "" });
      await task.delete({ id, execId: "" });
      await task.shutdown({ id, now: false });
    }
    await gone(pid);
    expect(left()).to.deep.equal([]);
  });

  it("undoes what a process has left that was killed", async () => {
    await shim.run("c1", ["spawn", "100"]);
    const pid = await serving("c1");
    const record = readFileSync(join(shim.roots.run, shim.namespace, "c1", "record.json"), "utf8");
    const { processes } = JSON.parse(record) as { processes: { identity: { pid: number } }[] };
    const child = processes[0]?.identity.pid ?? 0;
    expect(identityOf(child)).to.not.equal(undefined);
    process.kill(pid, "SIGKILL");
    await gone(pid);
    const args = [...shim.flags("c1"), "-bundle", shim.bundle("c1").path, "delete"];
    expect(DeleteResponse.decode(execFileSync(shim.program, args))).to.include({ exitStatus: 137 });
    await gone(child);
    expect(left()).to.deep.equal([]);
  });

  it("says what is wrong, and starts nothing", async () => {
    shim.bundle("c1").configure({ annotations: podAnnotations("container", "nobody") });
    const joining = await shim.start("c1");
    expect(joining.status).to.equal(1);
    expect(joining.stderr).to.include('the pod "nobody", which nobody serves');
    shim.bundle("c2").configure({ annotations: podAnnotations("container", "../up") });
    expect(await shim.start("c2")).to.have.property("status", 1);
    expect(existsSync(shim.roots.run) ? readdirSync(shim.roots.run) : []).to.deep.equal([]);
  });
});
