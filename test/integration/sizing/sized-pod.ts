import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { OciLinuxResources } from "../../../src/core/oci/spec.js";
import { expectNoLeaks } from "../../support/leaks.js";
import { execRequest, MachineShim, type Refusal, refusal, type TaskClient } from "../../support/machine-shim.js";
import { runProgram } from "../../support/program.js";
import { podAnnotations } from "../../support/shim.js";

const kataTs = fileURLToPath(new URL("../../../src/bin/kata-ts/main.js", import.meta.url));

/** What `md5sum` prints of so many MiB of zeros. */
export const md5OfZeros = (size: number): string =>
  createHash("md5")
    .update(Buffer.alloc(size * 2 ** 20))
    .digest("hex");

/** What a guest has of its machine. */
export interface Seen {
  readonly cpus: number;
  /** MiB, without what the kernel has for itself. */
  readonly memory: number;
}

/** A pod whose machine is resized: containers of it come, change and go, and "pod" tells what its guest has. */
export class SizedPod {
  readonly shim: MachineShim;
  #task: TaskClient | undefined;
  readonly #others = new Set<string>();
  #looks = 0;
  #log = "";

  /** `lines` are added to the configuration, after `[hypervisor.qemu]`. */
  constructor(lines: readonly string[]) {
    this.shim = new MachineShim(lines);
  }

  async start(annotations: Record<string, string> = {}): Promise<void> {
    const sandbox = { ...podAnnotations("sandbox", "pod"), ...annotations };
    this.#task = await this.shim.launch("pod", ["sleep", "10000"], { annotations: sandbox });
  }

  get task(): TaskClient {
    return this.#task ?? expect.fail("the pod does not run yet");
  }

  /** Runs a container with limits. */
  async run(id: string, resources: OciLinuxResources): Promise<void> {
    this.#others.add(id);
    await this.shim.launch(id, ["sleep", "10000"], this.#options(resources));
  }

  /** Has a container refused. */
  async refused(id: string, resources: OciLinuxResources): Promise<Refusal> {
    this.shim.specify(id, ["sleep", "10000"], this.#options(resources));
    return refusal((await this.shim.connect(id)).create(this.shim.createRequest(id)));
  }

  #options(resources: OciLinuxResources) {
    const change = (spec: { linux?: object }) => ({ ...spec, linux: { ...spec.linux, resources } });
    return { annotations: podAnnotations("container", "pod"), change: change as never };
  }

  async update(id: string, resources: OciLinuxResources): Promise<void> {
    const typeUrl = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources";
    const value = Buffer.from(JSON.stringify(resources));
    await this.task.update({ id, resources: { typeUrl, value }, annotations: {} });
  }

  async remove(id: string): Promise<void> {
    this.#others.delete(id);
    await this.shim.remove(id);
  }

  /** Has another shim go on with it in the place of the one there is, which is killed. */
  async changeShim(): Promise<void> {
    const one = this.shim.shim("pod");
    process.kill(one.pid, "SIGKILL");
    await this.shim.gone(one);
    const roots = ["--run", this.shim.roots.run, "--shim", this.shim.program];
    const { status, stderr } = await runProgram(process.execPath, [kataTs, "recover", ...roots], { ms: 180_000 });
    expect(status, stderr).to.equal(0);
    this.#task = await this.shim.client("pod");
  }

  /** What a shell in one of its containers prints, which is to end well. */
  async ask(id: string, script: string): Promise<string> {
    const look = { id, execId: `look${this.#looks++}` };
    const file = join(this.shim.directory, look.execId);
    const request = execRequest(look.id, look.execId, ["sh", "-c", script], { stdout: `file://${file}` });
    await this.task.exec(request);
    await this.task.start(look);
    expect((await this.task.wait(look)).exitStatus).to.equal(0);
    await this.task.delete(look);
    return readFileSync(file, "utf8");
  }

  /** What the guest has now. */
  async seen(): Promise<Seen> {
    const [cpus = "", memory = ""] = (await this.ask("pod", "nproc; grep MemTotal: /proc/meminfo")).split("\n");
    return { cpus: Number(cpus), memory: Math.round(Number(/\d+/.exec(memory)?.[0]) / 1024) };
  }

  /** The swap of the guest in MiB, and how much of it is used. */
  async swap(): Promise<{ all: number; used: number }> {
    const [, ...lines] = (await this.ask("pod", "cat /proc/swaps")).trimEnd().split("\n");
    const sum = (column: number) => lines.reduce((all, line) => all + Number(line.split(/\s+/)[column]), 0);
    // The head of each is a page of it, and nothing is written there.
    return { all: (sum(2) + 4 * lines.length) / 1024, used: sum(3) / 1024 };
  }

  /** All that the shim has logged so far. */
  get log(): string {
    this.#log += this.shim.bundle("pod").log();
    return this.#log;
  }

  /** Ends it; nothing may be left. */
  async end(): Promise<void> {
    try {
      if (this.#task === undefined) return;
      const last = this.shim.shim("pod");
      for (const id of this.#others) await this.remove(id);
      await this.shim.remove("pod");
      await this.shim.gone(last);
      expect(this.shim.leftovers()).to.deep.equal([]);
      await expectNoLeaks(new Set(), this.shim.leakScope);
    } finally {
      await this.shim.end();
    }
  }
}
