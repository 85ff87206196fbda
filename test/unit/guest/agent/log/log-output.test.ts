import { expect } from "chai";
import { PassThrough } from "node:stream";
import { createAgentLog } from "../../../../../guest/agent/log/agent-log.js";
import { LogOutput } from "../../../../../guest/agent/log/log-output.js";
import { parseLogLine } from "../../../../../src/plugins/agents/kata/log-record.js";

const text = (stream: PassThrough): string => (stream.read() as Buffer | null)?.toString() ?? "";

describe("the agent's log", () => {
  let console: string[];
  let output: LogOutput;

  beforeEach(() => {
    console = [];
    output = new LogOutput((line) => console.push(line));
  });

  /** A reader that takes what it is given when asked to. */
  function reader(highWaterMark = 1 << 20): PassThrough {
    const stream = new PassThrough({ highWaterMark });
    output.attach(stream);
    stream.pause();
    return stream;
  }

  it("is kept until somebody reads it", () => {
    output.write("info", "one");
    output.write("debug", "two");
    const stream = reader();
    output.write("info", "three");
    expect(text(stream)).to.equal("one\ntwo\nthree\n");
  });

  it("goes to the console only when it is serious and nobody reads it", () => {
    output.write("info", "a");
    output.write("error", "b");
    reader();
    output.write("error", "c");
    expect(console).to.deep.equal(["b"]);
  });

  it("loses its oldest lines rather than memory, and says so", () => {
    const line = "x".repeat(1000);
    for (let i = 0; i < 1000; i++) output.write("info", `${i} ${line}`);
    const lines = text(reader()).trim().split("\n");
    expect(lines[0]).to.match(/"msg":"\d+ lines of the log were dropped"/);
    expect(lines.at(-1)).to.match(/^999 /);
    expect(lines.length).to.be.below(300);
  });

  it("does not pile up before a reader that is too slow", () => {
    const stream = reader(100);
    for (let i = 0; i < 2000; i++) output.write("info", "y".repeat(1000));
    expect(stream.writableLength + stream.readableLength).to.be.below(300_000);
  });

  it("is kept again when the reader goes", async () => {
    const first = reader();
    output.write("info", "one");
    text(first);
    first.destroy();
    await new Promise((resolve) => first.once("close", resolve));
    output.write("info", "two");
    expect(text(reader())).to.equal("two\n");
  });

  it("has the form that the host reads", () => {
    const lines: string[] = [];
    const log = createAgentLog((_level, line) => lines.push(line), "debug", { subsystem: "storage" });
    log.trace("not this");
    log
      .child({ container: "c1" })
      .error("it broke", { error: new Error("why", { cause: new Error("deep") }), big: 2n ** 60n });
    expect(lines).to.have.length(1);
    expect(parseLogLine(lines[0] ?? "")).to.deep.equal({
      level: "error",
      message: "it broke",
      fields: { source: "agent", subsystem: "storage", container: "c1", error: "why: deep", big: String(2n ** 60n) },
    });
  });
});
