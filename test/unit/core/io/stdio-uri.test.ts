import { expect } from "chai";
import fc from "fast-check";
import { KataError } from "../../../../src/core/errors/error.js";
import { parseStdio } from "../../../../src/core/io/stdio-uri.js";

function codeOfParsing(stream: "stdin" | "stdout", text: string): string {
  try {
    parseStdio(stream, text);
    return "none";
  } catch (error) {
    return error instanceof KataError ? error.code : String(error);
  }
}

describe("parseStdio", () => {
  it("takes nothing as nowhere", () => {
    expect(parseStdio("stdout", undefined)).to.deep.equal({ kind: "none" });
    expect(parseStdio("stdin", "")).to.deep.equal({ kind: "none" });
  });

  it("takes an absolute path as a fifo, also one that looks like a URI further in", () => {
    expect(parseStdio("stdin", "/run/c/x-stdin")).to.deep.equal({ kind: "fifo", path: "/run/c/x-stdin" });
    expect(parseStdio("stdout", "/a/b:%41?c=d")).to.deep.equal({ kind: "fifo", path: "/a/b:%41?c=d" });
  });

  it("takes a file, decoding its path", () => {
    expect(parseStdio("stdout", "file:///var/log/a%20b.log")).to.deep.equal({ kind: "file", path: "/var/log/a b.log" });
  });

  it("makes arguments of a logger's query as containerd does: each key with its first value", () => {
    expect(parseStdio("stderr", "binary:///usr/bin/log?k=v&k=w&flag&q=a+b%26&e=")).to.deep.equal({
      kind: "binary",
      path: "/usr/bin/log",
      args: ["k", "v", "flag", "", "q", "a b&", "e", ""],
    });
    expect(parseStdio("stdout", "binary:///usr/bin/log")).to.deep.include({ args: [] });
  });

  for (const [why, stream, text] of [
    ["a relative path", "stdout", "run/fifo"],
    ["a directory", "stdout", "/run/"],
    ["a way up", "stdout", "/run/../etc/passwd"],
    ["a way up in disguise", "stdout", "file:///run/%2e%2e/etc/passwd"],
    ["a zero byte", "stdout", "/run/a\0b"],
    ["a zero byte in disguise", "stdout", "binary:///bin/a%00b"],
    ["a zero byte in an argument", "stdout", "binary:///bin/a?k=%00"],
    ["a host", "stdout", "binary://host/bin/a"],
    ["a relative program", "stdout", "binary:bin/a"],
    ["malformed encoding", "stdout", "file:///a%zz"],
    ["a fragment", "stdout", "file:///a#b"],
    ["a file with arguments", "stdout", "file:///a?b"],
    ["another scheme", "stdout", "http:///a"],
    ["a logger as input", "stdin", "binary:///bin/a"],
    ["a path no kernel takes", "stdout", `/${"x".repeat(4096)}`],
  ] as const) {
    it(`refuses ${why}`, () => {
      expect(codeOfParsing(stream, text)).to.equal("KATA_IO_URI");
    });
  }

  it("says what it was given and what it can be, and does not repeat a long text whole", () => {
    expect(() => parseStdio("stdout", "gopher:///x")).to.throw(/stdout "gopher:\/\/\/x".*"gopher:".*binary:\/\/\//);
    expect(() => parseStdio("stdout", `x:${"y".repeat(5000)}`))
      .to.throw()
      .with.property("message")
      .with.length.below(500);
  });

  it("never throws anything but its own error, whatever the text", () => {
    const text = fc.oneof(
      fc.string(),
      fc.string().map((s) => `binary:///${s}`),
      fc.string().map((s) => `file:///${s}`),
    );
    fc.assert(
      fc.property(text, (any) => {
        const code = codeOfParsing("stdout", any);
        expect(code).to.be.oneOf(["none", "KATA_IO_URI"]);
      }),
    );
  });

  it("gives only absolute paths that do not go up", () => {
    fc.assert(
      fc.property(fc.webUrl({ validSchemes: ["file", "binary"] }), fc.webPath(), (url, path) => {
        for (const text of [url, `file://${path}`, `binary://${path}`]) {
          if (codeOfParsing("stdout", text) !== "none") continue;
          const target = parseStdio("stdout", text);
          if (target.kind === "none") continue;
          expect(target.path.startsWith("/")).to.equal(true);
          expect(target.path.split("/")).not.to.include("..");
        }
      }),
      { numRuns: 50 },
    );
  });
});
