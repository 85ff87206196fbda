import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createLogger } from "../../../../../src/core/log.js";
import type { CreateTask } from "../../../../../src/core/messages/task.js";
import { guestIdentity } from "../../../../../src/plugins/handlers/virt-container/identity.js";

describe("the resolv.conf that a guest is told of", () => {
  let directory: string;
  let source: string;
  const lines: string[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kata-ts-dns-"));
    source = join(directory, "resolv.conf");
    lines.length = 0;
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function dns(): readonly string[] {
    const mounts = [{ destination: "/etc/resolv.conf", type: "bind", source, options: ["rbind"] }];
    const io = { stdin: "", stdout: "", stderr: "", terminal: false };
    const spec = { ociVersion: "1.0.2", mounts };
    const request: CreateTask = { containerId: "c", bundle: directory, spec, rootfs: [], io };
    return guestIdentity(
      "pod",
      request,
      createLogger((line) => lines.push(line)),
    ).dns;
  }

  it("is that of the container's mount, in lines", () => {
    writeFileSync(source, "nameserver 10.0.0.1\n\nsearch a.example\n");
    expect(dns()).to.deep.equal(["nameserver 10.0.0.1", "search a.example"]);
    expect(lines).to.deep.equal([]);
  });

  it("is read in part when it is huge", () => {
    writeFileSync(source, "nameserver 10.0.0.1\n".repeat(5000));
    truncateSync(source, 2 ** 43);
    expect(dns().join("\n").length).to.be.within(60_000, 64 * 1024);
  });

  it("is none when it is a link to another file of the host, a fifo that nobody writes, or not there; and the log says so", () => {
    writeFileSync(join(directory, "shadow"), "root:secret\n");
    symlinkSync("shadow", source);
    expect(dns()).to.deep.equal([]);
    expect(lines.splice(0).join()).to.contain(`${source} is a symbolic link`);
    rmSync(source);
    execFileSync("mkfifo", [source]);
    expect(dns()).to.deep.equal([]);
    expect(lines.splice(0).join()).to.contain(`${source} is a fifo`);
    rmSync(source);
    expect(dns()).to.deep.equal([]);
    expect(lines.join()).to.contain("ENOENT");
  });
});
