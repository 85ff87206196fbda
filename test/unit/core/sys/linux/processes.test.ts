import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import type { ProcessIdentity } from "../../../../../src/core/sys/processes.js";
import { deadline, rejected, thrown } from "../fixture.js";

describe("processes", () => {
  const { processes, descriptors } = createLinuxSys();
  let child: ChildProcess;
  let identity: ProcessIdentity;

  beforeEach(() => {
    child = spawn("sleep", ["60"], { stdio: "ignore" });
    identity = processes.identity(child.pid ?? 0) ?? expect.fail("the child is gone");
  });

  afterEach(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });

  it("are named for good", async () => {
    expect(processes.identity(process.pid)?.startTime).to.be.a("bigint");
    expect(processes.identity(2 ** 22 - 1)).to.equal(undefined);
    expect(processes.isAlive(identity)).to.equal(true);
    expect(processes.isAlive({ ...identity, startTime: identity.startTime + 1n })).to.equal(false);
  });

  it("are signalled only as themselves", async () => {
    const another = { ...identity, startTime: identity.startTime - 1n };
    expect(processes.signal(another, "SIGKILL")).to.equal(false);
    expect(processes.isAlive(identity)).to.equal(true);
    const exited = once(child, "exit");
    expect(processes.signal(identity, "SIGTERM")).to.equal(true);
    expect(await exited).to.deep.equal([null, "SIGTERM"]);
    expect(processes.signal(identity, "SIGTERM")).to.equal(false);
    await processes.ended(identity, deadline);
  });

  it("are waited for by their descriptor", async () => {
    const pidfd = processes.openPidfd(identity.pid);
    const early = await rejected(() => processes.exited(pidfd, { ms: 20, what: "the child to end" }));
    expect(early).to.equal("KATA_DEADLINE");
    const ended = processes.ended(identity, deadline);
    expect(processes.signalPidfd(pidfd, 9)).to.equal(true);
    await processes.exited(pidfd, deadline);
    await ended;
    if (child.signalCode === null) await once(child, "exit");
    expect(processes.signalPidfd(pidfd, 9)).to.equal(false);
    descriptors.close(pidfd);
    expect(thrown(() => processes.openPidfd(identity.pid))).to.equal("ESRCH");
  });

  it("can be looked at without being reaped", async () => {
    const pidfd = processes.openPidfd(identity.pid);
    expect(processes.wait({ pidfd }, { peek: true })).to.equal(undefined);
    const exited = once(child, "exit");
    processes.signalPidfd(pidfd, "SIGKILL");
    await processes.exited(pidfd, deadline);
    await exited;
    expect(thrown(() => processes.wait({ pid: identity.pid }, { peek: true }))).to.equal("ECHILD");
    descriptors.close(pidfd);
  });

  it("that are orphans come to a subreaper, which reads how they ended", async () => {
    processes.setChildSubreaper(true);
    try {
      for (const [how, expected] of [
        ["exit 7", { exitCode: 7, coreDumped: false }],
        ["kill -9 $$", { exitCode: 137, signal: 9, coreDumped: false }],
      ] as const) {
        // the inner shell ends only when its pipe does, after its parent
        const script = `(read -r x; ${how}) <&3 & echo $!`.replace("$$", "$(exec sh -c 'echo $PPID')");
        const parent = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "ignore", "pipe"] });
        const [line] = (await once(parent.stdout ?? expect.fail(), "data")) as [Buffer];
        if (parent.exitCode === null) await once(parent, "exit");
        const pid = Number(String(line));
        const pidfd = processes.openPidfd(pid);
        (parent.stdio[3] as NodeJS.WritableStream).end("\n");
        await processes.exited(pidfd, deadline);
        expect(processes.wait({ pid }, { peek: true })).to.deep.include({ pid, ...expected });
        expect(processes.wait({ pidfd })).to.deep.include({ pid, ...expected });
        expect(thrown(() => processes.wait({ pid }))).to.equal("ECHILD");
        descriptors.close(pidfd);
      }
    } finally {
      processes.setChildSubreaper(false);
    }
  });

  it("have CPUs and limits", () => {
    const cpus = processes.affinity(identity.pid);
    expect(cpus).not.to.deep.equal([]);
    processes.setAffinity(identity.pid, cpus.slice(-1));
    expect(processes.affinity(identity.pid)).to.deep.equal(cpus.slice(-1));
    for (const cpu of [-1, 1024, 0.5]) {
      expect(thrown(() => processes.setAffinity(identity.pid, [cpu]))).to.equal("KATA_SYS_VALUE");
    }
    const { hard } = processes.resourceLimit("NOFILE", identity.pid);
    processes.setResourceLimit("NOFILE", { soft: 64, hard }, identity.pid);
    expect(processes.resourceLimit("NOFILE", identity.pid)).to.deep.equal({ soft: 64, hard });
    processes.setResourceLimit("CORE", { soft: 0, hard: 0 }, identity.pid);
    expect(readFileSync(`/proc/${identity.pid}/limits`, "utf8")).to.match(/Max core file size +0 +0/);
  });

  it("have a name", () => {
    const before = readFileSync("/proc/self/comm", "utf8").trim();
    processes.setName("a-name-longer-than-fifteen");
    expect(readFileSync("/proc/self/comm", "utf8")).to.equal("a-name-longer-t\n");
    processes.setName(before);
  });
});
