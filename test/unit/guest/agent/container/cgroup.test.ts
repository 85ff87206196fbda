import { expect } from "chai";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ContainerCgroup } from "../../../../../guest/agent/container/cgroup.js";

describe("ContainerCgroup", () => {
  let root: string;
  let group: ContainerCgroup;
  let file: (name: string) => string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "cgroup-"));
    group = new ContainerCgroup({ run: "", proc: "", sys: "", dev: "", cgroup: root }, "c1");
    file = (name) => join(group.directory, name);
    mkdirSync(file("below/deeper"), { recursive: true });
    writeFileSync(file("cgroup.procs"), "5\n6\n");
    writeFileSync(file("below/cgroup.procs"), "7\n");
    writeFileSync(file("cgroup.events"), "populated 1\nfrozen 0\n");
    writeFileSync(file("memory.events"), "low 0\noom 3\noom_kill 2\n");
  });

  afterEach(() => rmSync(root, { recursive: true }));

  it("is below the guest's own group", () => expect(group.directory).to.equal(join(root, "kata/c1")));

  it("knows its processes, also those in groups that a container made", () => {
    expect(group.pids()).to.deep.equal([5, 6, 7]);
  });

  it("counts what memory has cost", () => {
    expect(group.memoryKills()).to.equal(2);
    rmSync(group.directory, { recursive: true });
    expect(group.memoryKills()).to.equal(undefined);
  });

  it("is frozen when the kernel says so, not before", async () => {
    let frozen = false;
    const freezing = group.freeze(true).then(() => (frozen = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(readFileSync(file("cgroup.freeze"), "utf8")).to.equal("1");
    expect(frozen).to.equal(false);
    writeFileSync(file("cgroup.events"), "populated 1\nfrozen 1\n");
    await freezing;
  });

  it("kills all at once, and minds no group that is gone", () => {
    group.kill();
    expect(readFileSync(file("cgroup.kill"), "utf8")).to.equal("1");
    rmSync(group.directory, { recursive: true });
    group.kill();
    expect(group.pids()).to.deep.equal([]);
  });

  it("has nothing to remove when it is gone", async () => {
    rmSync(group.directory, { recursive: true });
    await group.remove();
    expect(existsSync(group.directory)).to.equal(false);
  });
});
