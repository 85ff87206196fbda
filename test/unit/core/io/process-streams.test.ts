import { chmodSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { expect } from "chai";
import type { GuestProcess } from "../../../../src/core/contracts/agent.js";
import { openProcessStreams, type StreamAgent, type StreamsRequest } from "../../../../src/core/io/process-streams.js";
import {
  chunked,
  fifoReader,
  fifoWriter,
  listeningLogger,
  pattern,
  readAll,
  sys,
  until,
  workspace,
} from "./fixture.js";

/** An agent with one process: its output is what is put in, its input is kept. */
class OneProcess implements StreamAgent {
  readonly calls: string[] = [];
  readonly input: Buffer[] = [];
  #end: () => void = () => undefined;
  /** Until `exit` the outputs stay open. */
  readonly ended = new Promise<undefined>((resolve) => {
    this.#end = () => resolve(undefined);
  });
  out: () => Promise<Uint8Array | undefined> = () => this.ended;
  err: () => Promise<Uint8Array | undefined> = () => this.ended;

  end(): void {
    this.#end();
  }

  readStdout(): Promise<Uint8Array | undefined> {
    return this.out();
  }

  readStderr(): Promise<Uint8Array | undefined> {
    return this.err();
  }

  async writeStdin(_process: GuestProcess, data: Uint8Array): Promise<void> {
    this.calls.push("write");
    this.input.push(Buffer.from(data));
  }

  async closeStdin(): Promise<void> {
    this.calls.push("close");
  }
}

describe("openProcessStreams", () => {
  const guest: GuestProcess = { containerId: "c", execId: "c" };
  let work: ReturnType<typeof workspace>;
  let request: StreamsRequest;
  let lines: string[];

  beforeEach(() => {
    work = workspace();
    const listening = listeningLogger();
    lines = listening.lines;
    request = { sys, log: listening.log, bundle: work.path("."), containerId: "c", execId: "", namespace: "n" };
  });

  afterEach(() => work.remove());

  const fifo = (name: string): string => {
    sys.fifos.create(work.path(name));
    return work.path(name);
  };

  it("connects all three fifos", async () => {
    const io = { stdin: fifo("in"), stdout: fifo("out"), stderr: fifo("err"), terminal: false };
    const streams = await openProcessStreams(io, request);
    const agent = new OneProcess();
    agent.out = chunked(pattern(200_000), 30_000);
    agent.err = chunked(Buffer.from("complaint"), 4);
    const [out, err] = [readAll(await fifoReader(io.stdout)), readAll(await fifoReader(io.stderr))];
    const pumping = streams.pump(agent, guest);
    const writer = await fifoWriter(io.stdin);
    writer.write("some input");
    await until("the input", () => agent.input.length > 0);
    expect(agent.calls).to.deep.equal(["write"]);
    streams.closeStdin();
    writer.end();
    await until("the end of the input", () => agent.calls.includes("close"));
    await pumping;
    expect((await out).equals(pattern(200_000))).to.equal(true);
    expect((await err).toString()).to.equal("complaint");
    expect(Buffer.concat(agent.input).toString()).to.equal("some input");
    await streams.close();
  });

  it("is as /dev/null where nothing was asked for: output is taken, input is at its end", async () => {
    const streams = await openProcessStreams({ terminal: false }, request);
    const agent = new OneProcess();
    let reads = 0;
    agent.out = async () => (++reads <= 100 ? Buffer.alloc(10) : undefined);
    agent.err = async () => undefined;
    await streams.pump(agent, guest);
    expect(reads).to.equal(101);
    expect(agent.calls).to.deep.equal(["close"]);
    await streams.close();
  });

  it("opens one output for a terminal, and does not end its input", async () => {
    const stderr = work.path("never-made");
    const streams = await openProcessStreams({ stdout: fifo("out"), stderr, terminal: true }, request);
    const agent = new OneProcess();
    agent.err = () => Promise.reject(new Error("not asked for"));
    const pumping = streams.pump(agent, guest);
    agent.end();
    await pumping;
    expect(agent.calls).to.deep.equal([]);
    await streams.close();
  });

  it("sends both outputs to one logger when both name it", async () => {
    const program = work.path("logger");
    const log = work.path("log");
    writeFileSync(
      program,
      `#!/bin/sh\nexec 5>&-; cat <&3 > ${log}; cat <&4 >> ${log}; echo "$CONTAINER_ID" >> ${log}\n`,
    );
    chmodSync(program, 0o755);
    const uri = `binary://${program}?a=b`;
    const streams = await openProcessStreams(
      { stdout: uri, stderr: uri, terminal: false },
      { ...request, execId: "e1" },
    );
    const agent = new OneProcess();
    agent.out = chunked(Buffer.from("one "), 10);
    agent.err = chunked(Buffer.from("two "), 10);
    await streams.pump(agent, guest);
    await streams.close();
    expect(readFileSync(log, "utf8")).to.equal("one two e1\n");
  });

  it("ends the output of a logger that gets only one", async () => {
    const program = work.path("logger");
    const log = work.path("log");
    writeFileSync(program, `#!/bin/sh\nexec 5>&-; cat <&4 > ${log}; cat <&3 >> ${log}\n`);
    chmodSync(program, 0o755);
    const streams = await openProcessStreams({ stdout: `binary://${program}`, terminal: true }, request);
    const agent = new OneProcess();
    agent.out = chunked(Buffer.from("only"), 10);
    await streams.pump(agent, guest);
    await streams.close();
    expect(readFileSync(log, "utf8")).to.equal("only");
  });

  it("appends to a file", async () => {
    const uri = `file://${work.path("logs/both")}`;
    const streams = await openProcessStreams({ stdout: uri, stderr: uri, terminal: false }, request);
    const agent = new OneProcess();
    agent.out = chunked(Buffer.from("a"), 1);
    agent.err = chunked(Buffer.from("b"), 1);
    await streams.pump(agent, guest);
    await streams.close();
    expect(readFileSync(work.path("logs/both"), "utf8")).to.be.oneOf(["ab", "ba"]);
  });

  it("says that output is being dropped, and lets the process go on", async () => {
    const program = work.path("logger");
    writeFileSync(program, "#!/bin/sh\nexec 5>&-; exit 0\n");
    chmodSync(program, 0o755);
    const streams = await openProcessStreams({ stdout: `binary://${program}`, terminal: true }, request);
    const agent = new OneProcess();
    let reads = 0;
    agent.out = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return ++reads <= 5000 ? Buffer.from("x") : undefined;
    };
    await streams.pump(agent, guest);
    expect(reads).to.equal(5001);
    expect(lines.filter((line) => line.includes("dropped"))).to.have.length(1);
    await streams.close();
  });

  it("logs and survives an agent that is lost", async () => {
    const streams = await openProcessStreams({ stdout: fifo("out"), stderr: fifo("err"), terminal: false }, request);
    const agent = new OneProcess();
    agent.out = agent.err = () => Promise.reject(new Error("connection lost"));
    await streams.pump(agent, guest);
    expect(lines.filter((line) => line.includes("connection lost"))).to.have.length(2);
    await streams.close();
  });

  it("closes while the process still holds its output open", async () => {
    const io = { stdin: fifo("in"), stdout: fifo("out"), stderr: fifo("err"), terminal: false };
    const streams = await openProcessStreams(io, request);
    const agent = new OneProcess();
    const pumping = streams.pump(agent, guest);
    const reader = readAll(await fifoReader(io.stdout));
    await Promise.all([streams.close(), streams.close()]);
    expect((await reader).length).to.equal(0);
    expect(agent.calls).to.deep.equal([]);
    agent.end();
    await pumping;
    expect(lines).to.deep.equal([]);
  });

  it("gives back every descriptor, also when one of the streams cannot be opened", async () => {
    const open = (): number => readdirSync("/proc/self/fd").length;
    const io = { stdin: fifo("in"), stdout: fifo("out"), stderr: work.path("none"), terminal: false };
    const before = open();
    const error = await openProcessStreams(io, request).catch((cause: unknown) => cause);
    expect(error).to.have.property("code", "KATA_IO_MISSING");
    expect(error).to.have.property("message").that.includes("stderr").and.includes(io.stderr);
    await until("the descriptors to be closed", () => open() === before);

    const streams = await openProcessStreams({ ...io, stderr: fifo("err") }, request);
    expect(open()).to.be.above(before);
    await streams.close();
    await until("the descriptors to be closed", () => open() === before);
  });
});
