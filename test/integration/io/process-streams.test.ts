import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { withDeadline } from "../../../src/core/deadline.js";
import { openProcessStreams, type ProcessStreams, type StreamAgent } from "../../../src/core/io/process-streams.js";
import { silentLogger } from "../../../src/core/log.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { checkLeaks } from "../../support/leaks.js";

const sys = createLinuxSys();
const guest = { containerId: "c", execId: "c" };
const mebibyte = 1 << 20;

/** Bytes that differ from place to place, a chunk at a time. */
function* numbers(total: number): Generator<Buffer> {
  for (let at = 0; at < total; at += 65_536) {
    const chunk = Buffer.allocUnsafe(Math.min(65_536, total - at));
    for (let i = 0; i + 4 <= chunk.length; i += 4) chunk.writeUInt32LE(((at + i) * 2_654_435_761) >>> 0, i);
    yield chunk;
  }
}

const digest = (chunks: Iterable<Uint8Array>): string => {
  const hash = createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest("hex");
};

describe("process streams with other processes at their ends", function () {
  this.timeout(60_000);
  let directory: string;
  let streams: ProcessStreams | undefined;
  const helpers: ChildProcess[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kata-streams-"));
  });

  afterEach(async () => {
    await streams?.close();
    for (const helper of helpers.splice(0)) helper.kill("SIGKILL");
    rmSync(directory, { recursive: true });
  });

  checkLeaks(() => ({ marks: [directory], directories: [directory] }));

  const path = (name: string): string => join(directory, name);
  const fifo = (name: string): string => {
    sys.fifos.create(path(name));
    return path(name);
  };
  const shell = (script: string): ChildProcess => {
    const child = spawn("sh", ["-c", script], { stdio: "ignore" });
    helpers.push(child);
    return child;
  };
  const ended = (child: ChildProcess): Promise<unknown> =>
    child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : once(child, "exit");
  const until = (what: string, condition: () => boolean): Promise<void> =>
    withDeadline({ ms: 30_000, what }, async (signal) => {
      while (!condition() && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
    });
  const open = async (io: { stdin?: string; stdout?: string; stderr?: string }): Promise<ProcessStreams> => {
    const request = { sys, log: silentLogger, bundle: directory, containerId: "c", execId: "" };
    streams = await openProcessStreams({ ...io, terminal: true }, request);
    return streams;
  };
  const agentOf = (stdout: () => Promise<Uint8Array | undefined>, onInput?: (data: Uint8Array) => Promise<void>) => {
    let closed: () => void = () => undefined;
    const stdinClosed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const agent: StreamAgent = {
      readStdout: stdout,
      readStderr: async () => undefined,
      writeStdin: (_process, data) => onInput?.(data) ?? Promise.resolve(),
      closeStdin: async () => closed(),
    };
    return { agent, stdinClosed };
  };
  const quiet = (): Promise<undefined> => new Promise(() => undefined);
  const generated = (total: number): (() => Promise<Uint8Array | undefined>) => {
    const chunks = numbers(total);
    return async () => chunks.next().value ?? undefined;
  };

  it("delivers 64 MiB unchanged", async () => {
    const stdout = fifo("out");
    const reader = shell(`sha256sum < ${stdout} > ${path("sum")}`);
    const { agent } = agentOf(generated(64 * mebibyte));
    await (await open({ stdout })).pump(agent, guest);
    await ended(reader);
    expect(readFileSync(path("sum"), "utf8").split(" ")[0]).to.equal(digest(numbers(64 * mebibyte)));
  });

  it("takes in 32 MiB unchanged from a writer in small pieces, and the end after them", async () => {
    const stdin = fifo("in");
    const hash = createHash("sha256");
    let largest = 0;
    const { agent, stdinClosed } = agentOf(quiet, async (data) => {
      hash.update(data);
      largest = Math.max(largest, data.length);
    });
    const opened = await open({ stdin });
    void opened.pump(agent, guest);
    const writer = shell(`dd if=/dev/zero bs=1000 count=33554 status=none > ${stdin}`);
    await ended(writer);
    opened.closeStdin();
    await stdinClosed;
    expect(hash.digest("hex")).to.equal(digest([Buffer.alloc(33_554_000)]));
    expect(largest).to.be.within(1001, 65_536);
  });

  it("loses nothing when the reader is killed and another takes its place", async () => {
    const stdout = fifo("out");
    let produced = 0;
    let go: () => void = () => undefined;
    const pause = new Promise<void>((resolve) => {
      go = resolve;
    });
    const line = (i: number): Buffer => Buffer.from(`${String(i).padStart(9)}\n`);
    const { agent } = agentOf(async () => {
      if (produced === 1000) await pause;
      return produced < 20_000 ? line(produced++) : undefined;
    });
    const first = shell(`exec cat < ${stdout} > ${path("first")}`);
    const pumping = (await open({ stdout })).pump(agent, guest);
    const has = (name: string): number => (existsSync(path(name)) ? statSync(path(name)).size : 0);
    await until("the first reader to have all there is", () => has("first") === 10_000);
    first.kill("SIGKILL");
    await ended(first);
    go();
    // Nobody reads: it stops when the fifo is full, with two lines on their way.
    await until("the fifo to fill", () => produced > 6000);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(produced).to.be.below(8000);
    const second = shell(`exec cat < ${stdout} > ${path("second")}`);
    await pumping;
    await ended(second);
    const all = readFileSync(path("first"), "utf8") + readFileSync(path("second"), "utf8");
    const expected = Array.from({ length: 20_000 }, (_, i) => line(i)).join("");
    expect(all === expected).to.equal(true);
  });

  it("keeps what a process wrote last for a reader that was away at its end", async () => {
    const stdout = fifo("out");
    const chunks = [Buffer.from("bye\n")];
    const { agent } = agentOf(async () => chunks.shift());
    await (await open({ stdout })).pump(agent, guest);
    const late = shell(`exec cat < ${stdout} > ${path("late")}`);
    await ended(late);
    expect(readFileSync(path("late"), "utf8")).to.equal("bye\n");
  });

  it("goes on with stdin when its writer is killed and another comes", async () => {
    const stdin = fifo("in");
    let input = "";
    const { agent, stdinClosed } = agentOf(quiet, async (data) => {
      input += Buffer.from(data).toString();
    });
    const opened = await open({ stdin });
    void opened.pump(agent, guest);
    const first = shell(`exec 3> ${stdin}; echo one >&3; exec sleep 60`);
    await until("the first input", () => input === "one\n");
    first.kill("SIGKILL");
    await ended(first);
    await ended(shell(`echo two > ${stdin}`));
    await until("the second input", () => input === "one\ntwo\n");
    opened.closeStdin();
    await stdinClosed;
    expect(input).to.equal("one\ntwo\n");
  });

  it("leaves the thread pool free, however many fifos wait", async () => {
    const all: ProcessStreams[] = [];
    for (let i = 0; i < 12; i++) {
      const opened = await open({ stdin: fifo(`in${i}`), stdout: fifo(`out${i}`) });
      let full = 0;
      void opened.pump(agentOf(async () => (full++ < 5 ? Buffer.alloc(65_536) : quiet())).agent, guest);
      all.push(opened);
    }
    const wait = { ms: 10_000, what: "a file to be read" };
    expect((await withDeadline(wait, () => readFile("/proc/self/status", "utf8"))).length).to.be.above(0);
    for (const one of all) await one.close();
  });

  it("gives its descriptors to no child", async () => {
    const opened = await open({ stdin: fifo("in"), stdout: fifo("out") });
    const child = shell("exec sleep 60");
    await once(child, "spawn");
    await until("the child to run", () => readFileSync(`/proc/${child.pid}/cmdline`, "utf8").startsWith("sleep"));
    const inherited = readdirSync(`/proc/${child.pid}/fd`).filter((fd) => {
      const own = openSync(`/proc/${child.pid}/fd/${fd}`, 0o10000000);
      const { ino } = statSync(`/proc/self/fd/${own}`);
      closeSync(own);
      return ino === statSync(path("in")).ino || ino === statSync(path("out")).ino;
    });
    expect(inherited).to.deep.equal([]);
    await opened.close();
  });
});
