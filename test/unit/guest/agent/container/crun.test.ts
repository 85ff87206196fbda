import { expect } from "chai";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Crun } from "../../../../../guest/agent/container/crun.js";
import { pipeStdio } from "../../../../../guest/agent/container/stdio.js";
import type { ProgramRun } from "../../../../../guest/agent/programs.js";
import { Programs } from "../../../../../guest/agent/programs.js";
import { Reaper } from "../../../../../guest/agent/reaper.js";
import { KataError } from "../../../../../src/core/errors/error.js";
import { silentLogger } from "../../../../../src/core/log.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";

/** Notes what it was asked, and does what the file `answer` says. */
const script = `#!/bin/sh
echo "$@" >>"@DIR@/asked"
while [ $# -gt 0 ]; do
  case $1 in
  --pid-file) pidfile=$2 ;;
  --log=file:*) log=\${1#--log=file:} ;;
  esac
  shift
done
[ ! -e "@DIR@/answer" ] || { cat "@DIR@/answer" >"$log"; exit 1; }
[ -z "$pidfile" ] || echo 4242 >"$pidfile"
`;

/** `Programs` that waits for the one child it has made, so that no other child of the tests is touched. */
class TestPrograms extends Programs {
  readonly #reaper: Reaper;

  constructor() {
    const sys = createLinuxSys();
    const pids = new Set<number>();
    const spawn = (request: Parameters<typeof sys.processes.spawn>[0]): number => {
      const pid = sys.processes.spawn(request);
      pids.add(pid);
      return pid;
    };
    const wait = (): ReturnType<typeof sys.processes.wait> => {
      for (const pid of pids) {
        const exit = sys.processes.wait({ pid });
        if (exit === undefined) continue;
        pids.delete(pid);
        return exit;
      }
      return undefined;
    };
    const processes = Object.assign(Object.create(sys.processes) as typeof sys.processes, { spawn, wait });
    const reaper = new Reaper(processes, silentLogger);
    super({ ...sys, processes }, reaper);
    this.#reaper = reaper;
  }

  override async run(run: ProgramRun): Promise<void> {
    const timer = setInterval(() => this.#reaper.reap(), 2);
    try {
      await super.run(run);
    } finally {
      clearInterval(timer);
    }
  }
}

describe("Crun", () => {
  const sys = createLinuxSys();
  let directory: string;
  let bundle: string;
  let crun: Crun;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "crun-"));
    bundle = join(directory, "bundle");
    mkdirSync(bundle);
    const file = join(directory, "crun");
    writeFileSync(file, script.replaceAll("@DIR@", directory));
    chmodSync(file, 0o755);
    const roots = { run: directory, proc: "/proc", sys: "/sys", dev: "/dev", cgroup: "/nowhere" };
    mkdirSync(join(directory, "kata-agent"));
    crun = new Crun(new TestPrograms(), roots, file);
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const asked = (): string => readFileSync(join(directory, "asked"), "utf8");

  async function withStdio<T>(action: (stdio: ReturnType<typeof pipeStdio>) => Promise<T>): Promise<T> {
    const stdio = pipeStdio(sys);
    try {
      return await action(stdio);
    } finally {
      stdio.close();
    }
  }

  async function failure(promise: Promise<unknown>): Promise<KataError> {
    const error = await promise.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(KataError);
    return error as KataError;
  }

  it("makes a container and says its pid", async () => {
    expect(await withStdio((stdio) => crun.create("c1", { bundle, stdio }))).to.equal(4242);
    expect(asked()).to.match(/--cgroup-manager=cgroupfs .* create --bundle .*\/bundle --pid-file .* c1\n/);
  });

  it("starts it without another program, by the fifo its first process waits at", async () => {
    const state = join(directory, "kata-agent/crun/c1");
    mkdirSync(state, { recursive: true });
    sys.fifos.create(join(state, "exec.fifo"), 0o600);
    const reader = sys.fifos.open(join(state, "exec.fifo"), "read");
    await crun.start("c1", false);
    const byte = Buffer.alloc(9);
    expect(sys.descriptors.read(reader, byte)).to.equal(1);
    sys.descriptors.close(reader);
    expect(existsSync(join(state, "exec.fifo"))).to.equal(false);
    expect(existsSync(join(directory, "asked"))).to.equal(false);
  });

  it("has crun start it when there are hooks, or nobody waits at the fifo", async () => {
    await crun.start("c1", true);
    await crun.start("c2", false);
    expect(asked()).to.match(/ start c1\n.* start c2\n/);
  });

  it("starts a further process from a file that is gone afterwards", async () => {
    const pid = await withStdio((stdio) => crun.exec("c1", '{"args":["x"]}', { bundle, stdio }));
    expect(pid).to.equal(4242);
    const file = /--process (\S+)/.exec(asked())?.[1] ?? "";
    expect(file).to.contain(bundle);
    expect(existsSync(file)).to.equal(false);
  });

  it("gives crun's own words, and tells the caller's mistakes from others", async () => {
    writeFileSync(join(directory, "answer"), "executable file `/x` not found in $PATH: No such file or directory\n");
    const mistake = await failure(withStdio((stdio) => crun.create("c1", { bundle, stdio })));
    expect(mistake).to.include({ code: "KATA_GUEST_COMMAND", status: "INVALID_ARGUMENT" });
    expect(mistake.message).to.contain("executable file `/x` not found");
    writeFileSync(join(directory, "answer"), "mount `proc`: Operation not permitted\n");
    const other = await failure(withStdio((stdio) => crun.create("c1", { bundle, stdio })));
    expect(other).to.include({ code: "KATA_GUEST_PROGRAM", status: "INTERNAL" });
    expect(other.message).to.contain("create failed: mount `proc`: Operation not permitted");
  });

  it("forgets a container by itself, and asks crun only for its hooks", async () => {
    const state = join(directory, "kata-agent/crun/c1");
    mkdirSync(state, { recursive: true });
    await crun.delete("c1", false);
    expect(existsSync(state)).to.equal(false);
    expect(existsSync(join(directory, "asked"))).to.equal(false);
    await crun.delete("c1", true);
    expect(asked()).to.contain(" delete --force c1");
  });

  it("sets limits from a file", async () => {
    await crun.update("c1", '{"pids":{"limit":5}}', bundle);
    expect(asked()).to.match(/ update --resources \S+ c1\n/);
  });
});
