import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { expect } from "chai";
import * as fc from "fast-check";
import { KataError } from "../../../../src/core/errors/error.js";
import { Child, forcedKill } from "../../../../src/core/process/child.js";
import { findExecutable } from "../../../../src/core/process/find-executable.js";
import { identityOf, isRunning, killByIdentity, parseIdentity } from "../../../../src/core/process/identity.js";
import { LineRing, sanitizeLine } from "../../../../src/core/process/line-ring.js";

const shell = (script: string, more: Partial<Parameters<typeof Child.spawn>[0]> = {}) =>
  Child.spawn({ name: "helper", command: "/bin/sh", args: ["-c", script], ...more });

const rejection = async (promise: Promise<unknown>): Promise<KataError> => {
  try {
    await promise;
  } catch (error) {
    if (error instanceof KataError) return error;
    throw error;
  }
  throw new Error("it did not fail");
};

/** Descriptors that this very process was started with, and that no child can be kept from by Node. */
const inheritable = (): string[] => {
  const closedOnExec = (fd: string) => {
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "0";
    return (Number.parseInt(flags, 8) & 0o2000000) !== 0;
  };
  const open = readdirSync("/proc/self/fd").filter((fd) => existsSync(`/proc/self/fdinfo/${fd}`));
  return ["0", "1", "2", ...open.filter((fd) => !closedOnExec(fd))];
};

describe("LineRing", () => {
  it("gives the same lines however the bytes are cut", () => {
    const property = fc.property(fc.string({ unit: "grapheme" }), fc.array(fc.nat(20)), (text, cuts) => {
      const whole = new LineRing();
      const pieces = new LineRing();
      const bytes = Buffer.from(text);
      whole.push(bytes);
      let from = 0;
      for (const cut of cuts) {
        pieces.push(bytes.subarray(from, from + cut));
        from += cut;
      }
      pieces.push(bytes.subarray(from));
      expect(pieces.tail()).to.deep.equal(whole.tail());
    });
    fc.assert(property);
  });

  it("keeps bounded memory and no control character, whatever is written", () => {
    const property = fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 20 }), (chunks) => {
      const ring = new LineRing({ lines: 3, lineLength: 16 });
      for (const chunk of chunks) ring.push(chunk);
      const lines = ring.tail();
      expect(lines.length).to.be.at.most(4);
      for (const line of lines) {
        expect(line.length).to.be.at.most(18);
        expect(line).to.not.match(/\p{Cc}/u);
      }
    });
    fc.assert(property);
  });

  it("drops escape sequences and marks what was cut", () => {
    expect(sanitizeLine("\u001b[2J\u001b[31mred\u001b[0m\tend\u0007")).to.equal("red end\ufffd");
    const ring = new LineRing({ lineLength: 4 });
    ring.push(Buffer.from("abcdef\nxy\r\n\r\nzz"));
    expect(ring.tail()).to.deep.equal(["abcd …", "xy", "zz"]);
    expect(ring.tail(1)).to.deep.equal(["zz"]);
  });
});

describe("Child", () => {
  it("keeps the last words of a program that ends at once", async () => {
    const lines: string[] = [];
    const child = await shell("echo one; echo two >&2; exit 3", { onLine: (line) => lines.push(line) });
    expect(await child.exited).to.deep.equal({ code: 3 });
    expect(child.tail().sort()).to.deep.equal(["one", "two"]);
    expect(lines.sort()).to.deep.equal(["one", "two"]);
    expect(child.signal("SIGTERM")).to.equal(false);
  });

  it("says which program cannot be run", async () => {
    const error = await rejection(Child.spawn({ name: "vmm", command: "/nonexistent/vmm", args: [] }));
    expect(error.code).to.equal("KATA_PROCESS_SPAWN");
    expect(error.message).to.include("/nonexistent/vmm").and.include("ENOENT");
  });

  it("leads its own session, in / and with a clean environment and no stray descriptor", async () => {
    const ours = openSync("/etc/passwd", "r");
    const child = await shell("cut -d' ' -f6 /proc/$$/stat; pwd; env | cut -d= -f1 | sort; ls /proc/$$/fd", {
      env: { PATH: "/usr/bin:/bin" },
    });
    await child.exited;
    closeSync(ours);
    const lines = child.tail();
    expect(lines[0]).to.equal(String(child.pid));
    expect(lines[1]).to.equal("/");
    expect(lines.slice(2).filter((line) => !/^\d+$/.test(line))).to.have.members(["PATH", "PWD"]);
    const descriptors = lines.filter((line, at) => at > 1 && /^\d+$/.test(line));
    expect(descriptors.filter((fd) => !inheritable().includes(fd))).to.deep.equal([]);
  });

  it("goes on to force when a program does not heed SIGTERM", async () => {
    const child = await shell("trap '' TERM; echo ready; while :; do sleep 0.05; done");
    while (!child.tail().includes("ready")) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(
      await child.end([
        { signal: "SIGTERM", ms: 50 },
        { signal: "SIGKILL", ms: 5000 },
      ]),
    ).to.deep.equal({ code: -1, signal: "SIGKILL" });
    expect(isRunning(child.identity)).to.equal(false);
    expect(await child.end()).to.deep.equal({ code: -1, signal: "SIGKILL" });
  });

  it("reports an exit although a process left behind holds the output open", async () => {
    const child = await shell("sleep 30 & echo $!; exit 0");
    expect(await child.exited).to.deep.equal({ code: 0 });
    const leftBehind = identityOf(Number(child.tail()[0]));
    expect(leftBehind).to.not.equal(undefined);
    if (leftBehind) await killByIdentity("sleep", leftBehind);
  });

  it("tells a stuck process from an ended one", async () => {
    const child = await shell("trap '' TERM; echo ready; while :; do sleep 0.05; done");
    while (!child.tail().includes("ready")) await new Promise((resolve) => setTimeout(resolve, 5));
    const error = await rejection(child.end([{ signal: "SIGTERM", ms: 20 }]));
    expect(error.code).to.equal("KATA_PROCESS_STUCK");
    expect(error.message).to.include("SIGTERM").and.include("ready");
    await child.end(forcedKill);
  });
});

describe("ProcessIdentity", () => {
  it("kills only the very process it names", async () => {
    const child = await shell("exec sleep 30");
    expect(await killByIdentity("sleep", { pid: child.pid, startTime: "1" })).to.equal(false);
    expect(child.exit).to.equal(undefined);
    expect(await killByIdentity("sleep", child.identity)).to.equal(true);
    expect((await child.exited).signal).to.equal("SIGKILL");
    expect(await killByIdentity("sleep", child.identity)).to.equal(false);
  });

  it("takes nothing else from a file", () => {
    expect(parseIdentity({ pid: 12, startTime: "99" })).to.deep.equal({ pid: 12, startTime: "99" });
    for (const bad of [null, 1, {}, { pid: 1, startTime: "9" }, { pid: -4, startTime: "9" }, { pid: 12, startTime: 9 }])
      expect(parseIdentity(bad)).to.equal(undefined);
  });
});

describe("findExecutable", () => {
  it("searches absolute directories in order", () => {
    expect(findExecutable("sh", "relative::/nonexistent:/bin")).to.equal("/bin/sh");
    expect(findExecutable("no-such-program-here")).to.equal(undefined);
    expect(findExecutable("etc", "/")).to.equal(undefined);
  });
});
