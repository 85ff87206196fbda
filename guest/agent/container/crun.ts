import { closeSync, openSync, readFileSync, rmSync, unlinkSync, writeFileSync, writeSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OpenFlag } from "../../../src/core/sys/open-flags.js";
import { agentErrors } from "../errors.js";
import type { Programs } from "../programs.js";
import { agentDirectory, type AgentRoots } from "../roots.js";
import type { OciRuntime, RuntimeLaunch } from "./oci-runtime.js";

/** Milliseconds crun may take; it is a program of the guest's image that only the guest's own slowness delays. */
const runTime = 120_000;

/** Characters of crun's own words that go into an error. */
const wordLimit = 2000;

/**
 * crun copies itself into memory before it does anything, lest a container overwrite it; in the guest it lies on a disk
 * that nobody can write to, and this tells it that it need not.
 */
const environment = ["_LIBCONTAINER_CLONED_BINARY=1"];

/** Words of crun about a program that the image lacks or that is none: the caller's mistake. */
const badCommand = /executable|exec format error/i;

/** `OciRuntime` by crun(1). */
export class Crun implements OciRuntime {
  readonly #programs: Programs;
  readonly #file: string;
  readonly #state: string;
  #execs = 0;

  constructor(programs: Programs, roots: AgentRoots, file = "/usr/bin/crun") {
    this.#programs = programs;
    this.#file = file;
    this.#state = join(agentDirectory(roots), "crun");
  }

  async create(id: string, { bundle, stdio }: RuntimeLaunch): Promise<number> {
    const pidFile = join(bundle, "init.pid");
    const args = ["create", "--bundle", bundle, "--pid-file", pidFile, ...this.#console(stdio), id];
    await this.#run(args, bundle, stdio);
    return readPid(pidFile);
  }

  async start(id: string, whole: boolean): Promise<void> {
    if (whole || !this.#release(id)) await this.#run(["start", id], this.#state);
  }

  async exec(id: string, process: string, { bundle, stdio }: RuntimeLaunch): Promise<number> {
    const base = join(bundle, `exec-${++this.#execs}`);
    const [processFile, pidFile] = [`${base}.json`, `${base}.pid`];
    writeFileSync(processFile, process, { mode: 0o600 });
    try {
      const files = ["--process", processFile, "--pid-file", pidFile];
      await this.#run(["exec", "--detach", ...files, ...this.#console(stdio), id], base, stdio);
      return readPid(pidFile);
    } finally {
      for (const file of [processFile, pidFile]) rmSync(file, { force: true });
    }
  }

  async update(id: string, resources: string, bundle: string): Promise<void> {
    const file = join(bundle, "resources.json");
    await writeFile(file, resources, { mode: 0o600 });
    await this.#run(["update", "--resources", file, id], bundle);
  }

  async delete(id: string, whole: boolean): Promise<void> {
    if (whole) await this.#run(["delete", "--force", id], this.#state);
    rmSync(join(this.#state, id), { recursive: true, force: true });
  }

  /**
   * What `crun start` does for a container without hooks: it writes a byte to the fifo its first process waits at. False
   * when there is none, so that crun itself must say why.
   */
  #release(id: string): boolean {
    const fifo = join(this.#state, id, "exec.fifo");
    try {
      const fd = openSync(fifo, OpenFlag.write | OpenFlag.nonBlock | OpenFlag.closeOnExec);
      try {
        unlinkSync(fifo);
        writeSync(fd, "0");
        return true;
      } finally {
        closeSync(fd);
      }
    } catch {
      return false;
    }
  }

  #console({ consoleSocket }: RuntimeLaunch["stdio"]): string[] {
    return consoleSocket === undefined ? [] : ["--console-socket", consoleSocket];
  }

  /** Runs crun. Its own words go to a file beside `place`: its standard error is the container's. */
  async #run(args: readonly string[], place: string, stdio?: RuntimeLaunch["stdio"]): Promise<void> {
    const log = `${place}.log`;
    const common = [`--root=${this.#state}`, "--cgroup-manager=cgroupfs", `--log=file:${log}`, "--log-format=text"];
    const { nothing } = this.#programs;
    const fds = stdio?.fds ?? ([nothing, nothing, nothing] as const);
    try {
      const run = { file: this.#file, args: [...common, ...args], env: environment, stdio: fds, ms: runTime };
      await this.#programs.run(run);
    } catch (cause) {
      const problem = await wordsIn(log);
      if (problem === "") throw cause;
      if (badCommand.test(problem)) throw agentErrors.KATA_GUEST_COMMAND({ problem }, { cause });
      throw agentErrors.KATA_GUEST_PROGRAM({ program: "crun", how: `${args[0]} failed`, output: problem });
    } finally {
      rmSync(log, { force: true });
    }
  }
}

function readPid(file: string): number {
  const pid = Number(readFileSync(file, "latin1"));
  if (Number.isInteger(pid) && pid > 1) return pid;
  throw agentErrors.KATA_GUEST_PROGRAM({ program: "crun", how: "has written no pid", output: "" });
}

async function wordsIn(log: string): Promise<string> {
  try {
    return (await readFile(log, "utf8")).trim().slice(-wordLimit);
  } catch {
    // it had nothing to say
    return "";
  }
}
