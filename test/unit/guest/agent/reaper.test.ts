import { expect } from "chai";
import { Reaper } from "../../../../guest/agent/reaper.js";
import { silentLogger } from "../../../../src/core/log.js";
import type { ChildExit } from "../../../../src/core/sys/processes.js";
import { SysError } from "../../../../src/core/sys/sys-error.js";

const exitOf = (pid: number, exitCode = 0): ChildExit => ({ pid, uid: 0, exitCode, coreDumped: false });

describe("Reaper", () => {
  let ended: ChildExit[];
  let reaper: Reaper;

  beforeEach(() => {
    ended = [];
    const wait = (): ChildExit | undefined => {
      const exit = ended.shift();
      if (exit === undefined) throw new SysError("waitid", [], 10, "ECHILD");
      return exit;
    };
    reaper = new Reaper({ wait }, silentLogger);
  });

  it("tells each end to who waits for it", async () => {
    const [first, second] = [reaper.exit(10), reaper.exit(11)];
    ended.push(exitOf(11, 1), exitOf(99), exitOf(10, 2));
    reaper.reap();
    expect(await first).to.include({ exitCode: 2 });
    expect(await second).to.include({ exitCode: 1 });
  });

  it("keeps the end of a process whose pid becomes known later", async () => {
    const birth = reaper.birth();
    ended.push(exitOf(20, 7));
    reaper.reap();
    expect(await birth.claim(20)).to.include({ exitCode: 7 });
    birth.end();
  });

  it("keeps no end from before a birth, nor after it: a pid comes again", () => {
    ended.push(exitOf(30, 1));
    reaper.reap();
    const birth = reaper.birth();
    let told = false;
    void birth.claim(30).then(() => (told = true));
    ended.push(exitOf(31, 1));
    reaper.reap();
    birth.end();
    birth.end();
    const next = reaper.birth();
    void next.claim(31).then(() => (told = true));
    return new Promise((resolve) => setImmediate(resolve)).then(() => expect(told).to.equal(false));
  });

  it("keeps them as long as any birth is under way", async () => {
    const [first, second] = [reaper.birth(), reaper.birth()];
    ended.push(exitOf(40, 4));
    reaper.reap();
    first.end();
    expect(await second.claim(40)).to.include({ exitCode: 4 });
  });
});
