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

/** What it does while all is well is tried with that of other shims: `test/unit/testing/fake-containerd-programs.test.ts`. */
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
