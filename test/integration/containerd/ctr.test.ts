import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { Containerd } from "../../support/containerd.js";
import { checkLeaks } from "../../support/leaks.js";

const mark = `kt${process.pid}`;

/** pid of the shim that serves a sandbox. */
function shimOf(id: string, containerd: Containerd): number {
  const log = readFileSync(containerd.logFile, "utf8");
  const pid = [...log.matchAll(/the shim serves" shim=(\S+) .*?pid=(\d+)/g)].findLast(([, shim]) => shim === id)?.[2];
  return Number(pid);
}

const pod = (role: string, sandbox: string) => [
  `--annotation=io.kubernetes.cri.container-type=${role}`,
  `--annotation=io.kubernetes.cri.sandbox-id=${sandbox}`,
];

describe("ctr, through the shim", () => {
  let containerd: Containerd;
  let last = 0;
  const newId = (): string => `${mark}-${++last}`;
  before(async () => {
    containerd = await Containerd.open();
  });
  after(() => containerd.close());
  checkLeaks(() => ({ marks: [mark] }), 10_000);

  it("runs in the foreground: output, exit status, a kernel of its own", async () => {
    // Unlike its release, which the host may have as well, the id of its boot is a kernel's own.
    const bootId = "/proc/sys/kernel/random/boot_id";
    const script = `cat ${bootId}; echo to-stderr >&2; exit 3`;
    const { status, stdout, stderr } = await containerd.run(newId(), ["--rm"], ["sh", "-c", script]);
    expect(status).to.equal(3);
    expect(stdout)
      .to.match(/^[0-9a-f-]{36}\n$/)
      .and.not.equal(readFileSync(bootId, "utf8"));
    expect(stderr).to.include("to-stderr");
  });

  it("says what is wrong with a command that is not there, and leaves nothing", async () => {
    const { status, stderr } = await containerd.run(newId(), ["--rm"], ["/bin/nothing"]);
    expect(status).to.equal(1);
    expect(stderr).to.include("/bin/nothing");
  });

  it("runs detached: exec with stdin, exit status and terminal; pause, stats, update; kill", async () => {
    const id = newId();
    expect((await containerd.run(id, ["--detach"], ["sleep", "1000"])).status).to.equal(0);
    const exec = (name: string, flags: readonly string[], command: readonly string[], input?: string) =>
      containerd.ctr(["tasks", "exec", ...flags, "--exec-id", name, id, ...command], {
        ms: 20_000,
        ...(input !== undefined && { input }),
      });
    expect(await exec("e1", [], ["sh", "-c", "cat; exit 7"], "some input")).to.include({
      status: 7,
      stdout: "some input",
    });
    expect(await exec("e2", [], ["true"])).to.include({ status: 0, stdout: "" });
    expect((await exec("e3", [], ["/bin/nothing"])).stderr).to.include("/bin/nothing");

    expect((await containerd.ctr(["tasks", "pause", id])).status).to.equal(0);
    expect((await containerd.tasks()).get(id)).to.equal("PAUSED");
    expect((await exec("e4", [], ["true"])).stderr).to.include("it is paused");
    expect((await containerd.ctr(["tasks", "resume", id])).status).to.equal(0);
    expect((await containerd.tasks()).get(id)).to.equal("RUNNING");

    const { stdout } = await containerd.ctr(["tasks", "metrics", id]);
    expect(Number(/memory\.usage(?:_in_bytes)?\s+(\d+)/.exec(stdout)?.[1])).to.be.greaterThan(100_000);
    expect((await containerd.ctr(["tasks", "delete", id])).stderr).to.include("task must be stopped before deletion");
    await containerd.remove(id);
  });

  it("has one machine for the containers of a pod, and refuses a second container of one id", async () => {
    const [sandbox, one, two] = [newId(), newId(), newId()];
    const bootId = ["cat", "/proc/sys/kernel/random/boot_id"];
    expect((await containerd.run(sandbox, ["-d", ...pod("sandbox", sandbox)], ["sleep", "1000"])).stderr).to.equal("");
    expect((await containerd.run(one, ["-d", ...pod("container", sandbox)], ["sleep", "1000"])).stderr).to.equal("");
    const first = await containerd.ctr(["tasks", "exec", "--exec-id", "e", one, ...bootId]);
    const second = await containerd.run(two, ["--rm", ...pod("container", sandbox)], bootId);
    expect(first.stdout)
      .to.match(/^[0-9a-f-]{36}\n$/)
      .and.to.equal(second.stdout);
    await containerd.remove(one);
    expect((await containerd.tasks()).get(sandbox)).to.equal("RUNNING");
    await containerd.remove(sandbox);
  });

  it("refuses a container of a pod that is not there", async () => {
    const id = newId();
    const { status, stderr } = await containerd.run(id, ["--rm", ...pod("container", `${mark}-none`)], ["true"]);
    expect(status).to.equal(1);
    expect(stderr).to.include(`${mark}-none`);
  });

  it("survives a restart of containerd in the middle, with its output", async () => {
    const id = newId();
    expect((await containerd.run(id, ["--detach"], ["sleep", "1000"])).status).to.equal(0);
    await containerd.stop("SIGKILL");
    await containerd.start();
    expect((await containerd.tasks()).get(id)).to.equal("RUNNING");
    const { stdout } = await containerd.ctr(["tasks", "exec", "--exec-id", "e", id, "echo", "still here"]);
    expect(stdout).to.equal("still here\n");
    await containerd.remove(id);
  });

  it("leaves nothing when the shim is killed", async () => {
    const id = newId();
    expect((await containerd.run(id, ["--detach"], ["sleep", "1000"])).status).to.equal(0);
    process.kill(shimOf(id, containerd), "SIGKILL");
    for (let looks = 0; looks < 100 && (await containerd.tasks()).has(id); looks += 1) await sleep(50);
    expect((await containerd.tasks()).has(id)).to.equal(false);
    await containerd.ctr(["containers", "delete", id]);
  });

  it("tells events in containerd's order, once each", async () => {
    const id = newId();
    const events = containerd.ctr(["events"], { ms: 20_000 }).catch((error: Error) => ({ stdout: error.message }));
    await sleep(500);
    expect((await containerd.run(id, ["--rm"], ["true"])).status).to.equal(0);
    const { stdout } = await events;
    const topics = stdout
      .split("\n")
      .filter((line) => line.includes("/tasks/") && line.includes(`"${id}"`))
      .map((line) => /\/tasks\/([a-z-]+)/.exec(line)?.[1]);
    expect(topics).to.deep.equal(["create", "start", "exit", "delete"]);
  });

  it("keeps two apart that are created at once", async () => {
    const [one, two] = [newId(), newId()];
    const runs = [one, two].map((id) => containerd.run(id, ["--rm"], ["sh", "-c", `echo ${id}`]));
    const finished = await Promise.all(runs);
    const ended = (id: string) => ({ status: 0, signal: null, stdout: `${id}\n`, stderr: "" });
    expect(finished).to.deep.equal([ended(one), ended(two)]);
  });
});
