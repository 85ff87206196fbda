import { expect } from "chai";
import { closeSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { ChildExit, SpawnRequest } from "../../../../../src/core/sys/processes.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { thrown } from "../fixture.js";

describe("Processes.spawn", () => {
  const sys = createLinuxSys();

  async function ended(pid: number): Promise<ChildExit> {
    for (;;) {
      const exit = sys.processes.wait({ pid });
      if (exit !== undefined) return exit;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Runs a shell script, and gives what it wrote to its standard output and how it ended. */
  async function run(script: string, change: Partial<SpawnRequest> = {}): Promise<{ text: string; exit: ChildExit }> {
    const { read, write } = sys.descriptors.pipe();
    const pid = sys.processes.spawn({
      file: "/bin/sh",
      args: ["sh", "-c", script],
      env: ["PATH=/usr/bin:/bin"],
      fds: [0, write, 2],
      ...change,
    });
    closeSync(write);
    const text = await readFile(`/proc/self/fd/${read}`, "utf8");
    closeSync(read);
    return { text, exit: await ended(pid) };
  }

  it("gives the program its descriptors, arguments and environment, and no other descriptor", async () => {
    const { text, exit } = await run('echo "$1-$A-$B"; ls /proc/$$/fd | wc -l', {
      args: ["sh", "-c", 'echo "$1-$A-$B"; echo /proc/$$/fd/*', "x", "ü y"],
      env: ["PATH=/bin", "A=1", "B=zwei drei"],
    });
    const [first, second] = text.split("\n");
    expect(first).to.equal("ü y-1-zwei drei");
    const numbers = (second ?? "").split(" ").map((path) => Number(path.split("/").at(-1)));
    expect(numbers).to.include.members([0, 1, 2]);
    expect(exit).to.include({ exitCode: 0, coreDumped: false });
  });

  it("tells exit codes and signals apart", async () => {
    expect((await run("exit 7")).exit).to.deep.include({ exitCode: 7 });
    expect((await run("kill -TERM $$")).exit).to.include({ exitCode: 143, signal: 15 });
  });

  it("starts with no signal ignored or blocked", async () => {
    const { text } = await run("exec grep -E '^Sig(Ign|Blk)' /proc/self/status");
    expect(text.match(/0000000000000000/g)).to.have.length(2);
    expect(readFileSync("/proc/self/status", "utf8")).not.to.match(/SigIgn:\s*0+\n/, "Node ignores some itself");
  });

  it("makes a session only when asked to", async () => {
    const session = 'cut -d" " -f1,6 /proc/$$/stat';
    const [pid, own] = (await run(session, { newSession: true })).text.trim().split(" ");
    expect(own).to.equal(pid);
    const [other, inherited] = (await run(session)).text.trim().split(" ");
    expect(inherited).not.to.equal(other);
  });

  it("says that a program cannot be executed", () => {
    const start = () => sys.processes.spawn({ file: "/no/such/program", args: ["x"], env: [], fds: [] });
    expect(start).to.throw(/posix_spawn\("\/no\/such\/program".*ENOENT/);
    expect(thrown(() => sys.processes.spawn({ file: "/etc/passwd", args: ["x"], env: [], fds: [] }))).to.equal(
      "EACCES",
    );
  });

  it("refuses a text that C would cut", () => {
    const start = () => sys.processes.spawn({ file: "/bin/true", args: ["true", "a\0b"], env: [], fds: [] });
    expect(start).to.throw("zero byte");
  });
});
