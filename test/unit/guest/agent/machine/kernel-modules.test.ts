import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KernelModules } from "../../../../../guest/agent/machine/kernel-modules.js";
import { type ProgramRun, Programs } from "../../../../../guest/agent/programs.js";
import { Reaper } from "../../../../../guest/agent/reaper.js";
import { silentLogger } from "../../../../../src/core/log.js";
import { fakeSys } from "../../../../../src/testing/fake-sys.js";

/** Runs nothing and remembers what it was asked to. */
class NotedPrograms extends Programs {
  readonly runs: string[] = [];
  failing = false;

  constructor() {
    const sys = fakeSys();
    super(sys, new Reaper(sys.processes, silentLogger));
  }

  override async run({ file, args }: ProgramRun): Promise<void> {
    this.runs.push([file.split("/").at(-1), ...args].join(" "));
    if (this.failing) throw new Error("module not found");
  }
}

describe("KernelModules", () => {
  let directory: string;
  let programs: NotedPrograms;
  let modules: KernelModules;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "modules-"));
    writeFileSync(join(directory, "filesystems"), "nodev\ttmpfs\n\text4\nnodev\tvirtiofs2\n");
    programs = new NotedPrograms();
    modules = new KernelModules(programs, { proc: directory });
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it("loads each once, however many need it", async () => {
    await Promise.all([modules.load("tun"), modules.load("tun"), modules.load("tun", ["a=1"])]);
    expect(programs.runs).to.deep.equal(["modprobe tun", "modprobe tun a=1"]);
  });

  it("tries again after a failure, and says which it was", async () => {
    programs.failing = true;
    const outcome = await modules.load("nope").catch((error: Error) => error.message);
    expect(outcome).to.contain('"nope"');
    programs.failing = false;
    await modules.load("nope");
    expect(programs.runs).to.have.length(2);
  });

  it("loads a file system only when the kernel lacks it", async () => {
    await modules.loadFileSystem("ext4");
    await modules.loadFileSystem("tmpfs");
    expect(programs.runs).to.deep.equal([]);
    await modules.loadFileSystem("virtiofs");
    expect(programs.runs).to.deep.equal(["modprobe virtiofs"]);
  });

  it("takes nothing for a name or a parameter that modprobe would take for an option", () => {
    expect(() => modules.load("-r")).to.throw("name of a kernel module");
    expect(() => modules.load("a b")).to.throw("name of a kernel module");
    expect(() => modules.load("tun", ["--remove"])).to.throw("parameter");
    expect(programs.runs).to.deep.equal([]);
  });
});
