import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { expect } from "chai";
import { AdoptedProcess } from "../../../../src/core/process/adopted-process.js";
import { forcedKill } from "../../../../src/core/process/child.js";
import { identityOf, type ProcessIdentity } from "../../../../src/core/process/identity.js";
import { createLinuxSys } from "../../../../src/core/sys/linux/index.js";

describe("a process that somebody else has started", () => {
  const sys = createLinuxSys();
  let child: ChildProcess;
  let identity: ProcessIdentity;
  let descriptors: number;
  const open = (): number => readdirSync("/proc/self/fd").length;

  beforeEach(async () => {
    child = spawn("/bin/sh", ["-c", 'trap "" TERM; echo ready; while :; do sleep 0.05; done'], { stdio: "pipe" });
    if (child.stdout !== null) await once(child.stdout, "data");
    const found = identityOf(child.pid ?? 0);
    if (found === undefined) throw new Error("it ended at once");
    identity = found;
    descriptors = open();
  });
  afterEach(() => void child.kill("SIGKILL"));

  const adopt = (): AdoptedProcess => {
    const adopted = AdoptedProcess.watch(sys, "helper", identity);
    if (adopted === undefined) throw new Error("it does not run");
    return adopted;
  };

  it("is known to have ended, and not how", async () => {
    const adopted = adopt();
    expect(adopted).to.include({ name: "helper", pid: child.pid, exit: undefined });
    expect(await adopted.waitFor(1)).to.equal(undefined);
    child.kill("SIGKILL");
    expect(await adopted.exited).to.deep.equal({ code: -1 });
    expect(adopted.exit).to.deep.equal({ code: -1 });
    expect(adopted.signal("SIGTERM")).to.equal(false);
    expect(await adopted.end()).to.deep.equal({ code: -1 });
    expect(open()).to.be.at.most(descriptors);
  });

  it("is ended step by step", async () => {
    const adopted = adopt();
    const ended = once(child, "exit");
    const steps = [{ signal: "SIGTERM", ms: 20 } as const, ...forcedKill];
    expect(await adopted.end(steps)).to.deep.equal({ code: -1 });
    expect(await ended).to.deep.equal([null, "SIGKILL"]);
  });

  it("that outlives all steps is an error that names them", async () => {
    const error = await adopt()
      .end([{ signal: "SIGTERM", ms: 20 }])
      .catch((failure: unknown) => failure);
    expect(error).to.include({ code: "KATA_PROCESS_STUCK" });
    expect(String(error)).to.include(`helper (pid ${child.pid}) is still there after SIGTERM`);
  });

  it("is let go of, and goes on", async () => {
    const adopted = adopt();
    adopted.release();
    expect(open()).to.equal(descriptors);
    expect(identityOf(identity.pid)).to.deep.equal(identity);
  });

  it("is not there when it has ended, or its pid is another's now", async () => {
    const another = { ...identity, startTime: String(Number(identity.startTime) - 1) };
    expect(AdoptedProcess.watch(sys, "helper", another)).to.equal(undefined);
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    expect(AdoptedProcess.watch(sys, "helper", identity)).to.equal(undefined);
    expect(open()).to.be.at.most(descriptors);
  });
});
