import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { codeOf } from "../../../src/core/errors/error.js";
import { readRegularFile } from "../../../src/core/regular-file.js";

describe("a file that somebody hostile may have put there", () => {
  let directory: string;
  const at = (name: string): string => join(directory, name);
  const read = (path: string, most = 100, follow = false) => readRegularFile(path, { most, follow });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kata-ts-file-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function refusal(path: string, follow = false): string {
    const before = readdirSync("/proc/self/fd");
    try {
      read(path, 100, follow);
    } catch (error) {
      expect(readdirSync("/proc/self/fd")).to.deep.equal(before);
      return `${codeOf(error)} ${String(error)}`;
    }
    throw new Error(`${path} was read`);
  }

  it("is read whole, or as far as was asked for", () => {
    writeFileSync(at("file"), "0123456789");
    expect(read(at("file"))).to.deep.include({ bytes: Buffer.from("0123456789"), whole: true });
    expect(read(at("file"), 10).whole).to.equal(true);
    expect(read(at("file"), 9)).to.deep.include({ bytes: Buffer.from("012345678"), whole: false });
    expect(read(at("file"), 0)).to.deep.include({ bytes: Buffer.alloc(0), whole: false });
    writeFileSync(at("empty"), "");
    expect(read(at("empty"))).to.deep.include({ bytes: Buffer.alloc(0), whole: true });
    const large = Buffer.alloc(50_000, "x");
    writeFileSync(at("large"), large);
    expect(read(at("large"), 1 << 20)).to.deep.include({ bytes: large, whole: true });
  });

  it("is read no further than that when it is huge, or says that it is empty and is not", () => {
    writeFileSync(at("huge"), "");
    truncateSync(at("huge"), 2 ** 43);
    const { bytes, whole, stats } = read(at("huge"));
    expect({ length: bytes.length, whole, size: stats.size }).to.deep.equal({
      length: 100,
      whole: false,
      size: 2 ** 43,
    });
    expect(read("/proc/self/status", 1 << 16)).to.include({ whole: true });
    expect(read("/proc/self/status", 1 << 16).bytes.toString()).to.match(
      /^Name:.*\nnonvoluntary_ctxt_switches:\t\d+\n$/s,
    );
  });

  it("is not followed when it is a link, unless that is meant", () => {
    writeFileSync(at("secret"), "secret");
    symlinkSync("secret", at("link"));
    expect(refusal(at("link"))).to.match(/^KATA_FILE_KIND .*link is a symbolic link/);
    expect(read(at("link"), 100, true).bytes.toString()).to.equal("secret");
    symlinkSync("nowhere", at("dangling"));
    expect(refusal(at("dangling"))).to.contain("KATA_FILE_KIND");
    expect(refusal(at("dangling"), true)).to.contain("ENOENT");
  });

  it("is not waited for, nor opened, when it is something else", async () => {
    execFileSync("mkfifo", [at("fifo")]);
    mkdirSync(at("directory"));
    const server = createServer().listen(at("socket"));
    await once(server, "listening");
    symlinkSync("/dev/zero", at("endless"));
    expect(refusal(at("fifo"))).to.contain("is a fifo");
    expect(refusal(at("directory"))).to.contain("is a directory");
    expect(refusal(at("socket"))).to.contain("is a socket");
    expect(refusal("/dev/zero")).to.contain("is a device");
    expect(refusal(at("endless"), true)).to.contain("is a device");
    server.close();
  });
});
