import { expect } from "chai";
import * as fc from "fast-check";
import { LineSplitter } from "../../../../../src/plugins/agents/kata/log-forwarder.js";
import { parseLogLine } from "../../../../../src/plugins/agents/kata/log-record.js";
import { FakeGuest } from "./fake-guest.js";

describe("the guest's log", () => {
  it("goes to the runtime's log, each line at its own level", async () => {
    const guest = new FakeGuest({});
    try {
      const lines = [
        { level: "DEBG", msg: "loading", ts: "2026-01-01T00:00:00Z", name: "kata-agent", subsystem: "storage" },
        { level: "ERRO", msg: "no such device" },
      ];
      await guest.raw(1025, (socket) => {
        socket.write(`${lines.map((line) => JSON.stringify(line)).join("\n")}\nKernel panic\n`);
      });
      await guest.connected();
      const seen = () => guest.logLines.filter(({ text }) => text.includes("from=guest"));
      while (seen().length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(seen().map(({ level }) => level)).to.deep.equal(["debug", "error", "warn"]);
      expect(seen()[0]?.text).to.contain('msg="loading"').and.contain("subsystem=storage");
      expect(seen()[2]?.text).to.contain('msg="Kernel panic"');
    } finally {
      await guest.close();
    }
  });

  it("is read again after the connection broke", async () => {
    const guest = new FakeGuest({});
    try {
      let connections = 0;
      await guest.raw(1025, (socket) => socket.end(`line ${++connections}\n`));
      await guest.connected();
      while (!guest.logLines.some(({ text }) => text.includes("line 2"))) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    } finally {
      await guest.close();
    }
  });
});

describe("parseLogLine", () => {
  it("knows the levels of Kata's agent and of others", () => {
    const level = (name: unknown) => parseLogLine(JSON.stringify({ level: name, msg: "m" })).level;
    expect(["TRCE", "DEBG", "INFO", "WARN", "ERRO", "CRIT"].map(level)).to.deep.equal([
      "trace",
      "debug",
      "info",
      "warn",
      "error",
      "error",
    ]);
    expect(["trace", "debug", "warning", "fatal", 7, null].map(level)).to.deep.equal([
      "trace",
      "debug",
      "warn",
      "error",
      "info",
      "info",
    ]);
  });

  it("limits how much a line may say", () => {
    const fields = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, "v".repeat(5000)]));
    const record = parseLogLine(JSON.stringify({ msg: "m".repeat(10_000), ...fields }));
    expect(record.message.length).to.be.below(5000);
    expect(Object.keys(record.fields)).to.have.length(24);
    expect(Object.values(record.fields).every((value) => String(value).length < 1100)).to.equal(true);
  });

  it("takes names of fields only where they are names", () => {
    const record = parseLogLine('{"msg":"m","a b":1,"x=\\"":2,"__proto__":{"a":1},"ok":{"deep":true}}');
    expect(record.fields).to.deep.equal({ ok: '{"deep":true}' });
  });

  it("never throws", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((json) => `{"msg":${json}}`),
        ),
        (line) => {
          expect(parseLogLine(line).message).to.be.a("string");
        },
      ),
    );
  });
});

describe("LineSplitter", () => {
  it("gives the same lines however the bytes are cut", () => {
    const text = fc.array(fc.stringMatching(/^[a-z]{0,30}$/), { minLength: 1 });
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 20 }), (lines, size) => {
        const bytes = Buffer.from(`${lines.join("\n")}\n`);
        const splitter = new LineSplitter(10);
        const found: string[] = [];
        for (let at = 0; at < bytes.length; at += size) found.push(...splitter.push(bytes.subarray(at, at + size)));
        expect(found).to.deep.equal(lines.map((line) => line.slice(0, 10)));
      }),
    );
  });
});
