import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { KataError } from "../../../../src/core/errors/error.js";
import { identityOf } from "../../../../src/core/process/identity.js";
import { processesMarked, processMark } from "../../../../src/core/sandbox/process-mark.js";
import { SandboxRecord } from "../../../../src/core/sandbox/record.js";

describe("SandboxRecord", () => {
  let directory: string;
  const children: ChildProcess[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "record-"));
  });

  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    rmSync(directory, { recursive: true });
  });

  const create = () => SandboxRecord.create(directory, { namespace: "k8s.io", id: "pod" });
  const load = () => SandboxRecord.load(directory)?.content;

  function broken(text: string): KataError {
    writeFileSync(join(directory, "record.json"), text);
    try {
      SandboxRecord.load(directory);
    } catch (error) {
      if (error instanceof KataError) return error;
    }
    throw new Error("a broken record was loaded");
  }

  it("is there as soon as it is created, and leaves no partial file", () => {
    create();
    const rest = { owner: identityOf(process.pid), processes: [], paths: [], network: [] };
    expect(load()).to.deep.equal({ version: 3, namespace: "k8s.io", sandboxId: "pod", ...rest });
    expect(readdirSync(directory)).to.deep.equal(["record.json"]);
  });

  it("is undefined where there is none", () => {
    expect(SandboxRecord.load(directory)).to.equal(undefined);
    expect(SandboxRecord.load(join(directory, "missing"))).to.equal(undefined);
  });

  it("finds a process again that it was loaded with, and forgets it when it has ended", () => {
    const record = create();
    const note = record.process("qemu");
    record.process("qemu");
    expect(record.running("qemu")).to.equal(undefined);
    note.started(process.pid);
    const loaded = SandboxRecord.load(directory);
    expect(loaded?.running("virtiofsd")).to.equal(undefined);
    const found = loaded?.running("qemu");
    expect(found?.identity).to.deep.equal(identityOf(process.pid));
    found?.ended();
    expect(load()?.processes.map(({ identity }) => identity)).to.deep.equal([undefined]);
    expect(loaded?.running("qemu")).to.equal(undefined);
  });

  it("keeps paths in order, each once", () => {
    const record = create();
    record.mount("/a/rootfs");
    record.file("/run/containerd/s/x");
    record.mount("/a/rootfs");
    record.directory("/sys/fs/cgroup/x");
    record.forget("/run/containerd/s/x");
    expect(load()?.paths).to.deep.equal([
      { kind: "mount", path: "/a/rootfs" },
      { kind: "directory", path: "/sys/fs/cgroup/x" },
    ]);
  });

  it("notes a process before it runs, and finds what it forked by its mark", async () => {
    const record = create();
    const note = record.process("sleeper");
    const mark = note.env[processMark] ?? "";
    expect(load()?.processes).to.deep.equal([{ name: "sleeper", mark }]);
    const child = spawn("sh", ["-c", "sleep 60 & echo $!; wait"], {
      env: { ...process.env, ...note.env },
      stdio: ["ignore", "pipe", "ignore"],
    });
    children.push(child);
    const pid = child.pid ?? 0;
    note.started(pid);
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const forked = Number(line.toString());
    expect(load()?.processes).to.deep.equal([{ name: "sleeper", mark, identity: identityOf(pid) }]);
    expect(processesMarked([mark])).to.have.members([pid, forked]);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(processesMarked([mark])).to.deep.equal([forked]);
    process.kill(forked, "SIGKILL");
    note.ended();
    expect(load()?.processes).to.deep.equal([]);
  });

  it("says so when it cannot be written, and keeps what it had", () => {
    const record = create();
    rmSync(directory, { recursive: true });
    expect(() => record.mount("/x"))
      .to.throw(KataError, directory)
      .with.property("code", "KATA_RECORD_WRITE");
    expect(record.content.paths).to.deep.equal([]);
    writeFileSync(directory, "");
  });

  it("forgets without failing when it cannot be written, and is right again as soon as it can", () => {
    const record = create();
    const note = record.process("qemu");
    record.mount("/x");
    rmSync(directory, { recursive: true });
    record.forget("/x");
    note.ended();
    expect(record.content).to.deep.include({ processes: [], paths: [] });
    mkdirSync(directory);
    record.mount("/y");
    expect(load()).to.deep.include({ processes: [], paths: [{ kind: "mount", path: "/y" }] });
  });

  it("finds shared directories that others have noted, whose records are believed", () => {
    const begin = (id: string) => {
      mkdirSync(join(directory, "k8s.io", id), { recursive: true, mode: 0o700 });
      return SandboxRecord.create(join(directory, "k8s.io", id), { namespace: "k8s.io", id });
    };
    const [one, other] = [begin("one"), begin("other")];
    one.directories([
      { kind: "shared directory", path: "/sys/fs/cgroup/a" },
      { kind: "directory", path: "/sys/fs/cgroup/a/one" },
    ]);
    const paths = ["/sys/fs/cgroup/a", "/sys/fs/cgroup/a/one", "/sys/fs/cgroup/b"];
    expect(other.sharedByOthers(paths)).to.deep.equal(["/sys/fs/cgroup/a"]);
    expect(one.sharedByOthers(paths)).to.deep.equal([]);
    writeFileSync(join(directory, "k8s.io", "one", "record.json"), "{");
    expect(other.sharedByOthers(paths)).to.deep.equal([]);
  });

  it("keeps changes of the network, each once", () => {
    const record = create();
    const qdisc = { kind: "qdisc", namespace: "/run/netns/a", link: "eth0", parent: 0xfffffff1 } as const;
    const driver = { kind: "driver", device: "0000:00:03.0", driver: "e1000" } as const;
    record.network(qdisc);
    record.network(driver);
    record.network({ ...qdisc });
    expect(load()?.network).to.deep.equal([driver, qdisc]);
    record.forgetNetwork({ ...qdisc });
    expect(load()?.network).to.deep.equal([driver]);
  });

  it("refuses what it did not write", () => {
    expect(broken("{").message).to.contain("not JSON");
    expect(broken("[]").code).to.equal("KATA_RECORD_BROKEN");
    expect(broken("null").message).to.contain("not an object");
    create();
    const good = JSON.parse(readFileSync(join(directory, "record.json"), "utf8")) as object;
    expect(broken(JSON.stringify({ ...good, version: 4 })).message).to.contain("version 4");
    expect(broken(JSON.stringify({ ...good, owner: { pid: 1 } })).message).to.contain("owner");
    for (const path of ["relative", "/run/../etc", 7]) {
      expect(broken(JSON.stringify({ ...good, paths: [{ kind: "mount", path }] })).message).to.contain("paths");
    }
    for (const one of [{ kind: "qdisc", namespace: "/n", link: "a" }, { kind: "link" }, { kind: "other" }, 7]) {
      expect(broken(JSON.stringify({ ...good, network: [one] })).message).to.contain("network");
    }
    for (const pid of [0, 1, -1, 1.5, "9"]) {
      const identity = { pid, startTime: "1" };
      const processes = [{ name: "x", mark: "00000000-0000-0000-0000-000000000000", identity }];
      expect(broken(JSON.stringify({ ...good, processes })).message).to.contain("processes");
    }
  });
});
