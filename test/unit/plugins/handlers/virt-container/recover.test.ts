import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { codeOf } from "../../../../../src/core/errors/error.js";
import { recoverSandbox } from "../../../../../src/core/messages/recovery.js";
import {
  createTask,
  deleteTask,
  execTask,
  killTask,
  pauseTask,
  resumeTask,
  shutdownTask,
  startTask,
  taskState,
  updateTask,
  waitTask,
} from "../../../../../src/core/messages/task.js";
import { loadState, stateFile } from "../../../../../src/core/sandbox/state-file.js";
import type { SandboxState } from "../../../../../src/core/sandbox/state.js";
import type { FakeHypervisor } from "../../../../../src/testing/fake-hypervisor.js";
import { Bench, failure, main, pod } from "./bench.js";

const process = { user: { uid: 0, gid: 0 }, cwd: "/", args: ["true"] };

describe("a sandbox of the runtime handler virt-container whose process was killed", () => {
  let first: Bench;
  let next: Bench;
  beforeEach(async () => {
    first = await Bench.open();
    first.prepareHypervisor = (hypervisor) => hypervisor.outliveProcesses({ machine: 1 });
  });
  afterEach(async () => {
    await next.runtime.close();
    // What is left of the first process would only be in the way of the second.
    await first.runtime.destroy(new Error("the test is over"));
    rmSync(first.directory, { recursive: true });
  });

  const runDirectory = (id: string): string => join(first.directory, "run", "default", id);
  const kept = (id: string): SandboxState => loadState(runDirectory(id), { namespace: "default", id });

  /** The next process, in which `id` is recovered. */
  async function recovered(id: string): Promise<Bench> {
    next = nextBench();
    await next.runtime.request(recoverSandbox({ sandboxId: id }));
    return next;
  }

  function nextBench(): Bench {
    next = first.again();
    next.prepareHypervisor = (hypervisor) => hypervisor.outliveProcesses();
    return next;
  }

  const addExec = (bench: Bench, containerId: string, execId: string) =>
    bench.runtime.request(execTask({ containerId, execId, process, io: { terminal: false } }));

  it("goes on: states, ends, further processes, and then its own end, which leaves nothing", async () => {
    await first.run("pod", pod("sandbox"));
    await first.run("c1", pod("container"));
    await first.create("c2", pod("container"));
    await addExec(first, "c1", "e1");
    await first.runtime.request(startTask({ containerId: "c1", execId: "e1" }));
    await addExec(first, "c1", "e2");
    await first.runtime.request(pauseTask({ containerId: "pod" }));

    const { runtime, agent, hypervisor, events } = await recovered("pod");
    expect(hypervisor.calls).to.deep.equal(['adopt {"machine":1}']);
    expect(agent.calls).to.deep.equal(["connect"]);
    const status = async (containerId: string, execId = "") =>
      (await runtime.request(taskState({ containerId, execId }))).status;
    expect([await status("pod"), await status("c1"), await status("c2")]).to.deep.equal([
      "paused",
      "running",
      "created",
    ]);
    expect([await status("c1", "e1"), await status("c1", "e2")]).to.deep.equal(["running", "created"]);
    expect(events).to.deep.equal([]);

    agent.process("c1", "e1").end(7);
    expect((await runtime.request(waitTask({ containerId: "c1", execId: "e1" }))).status).to.equal(7);
    await runtime.request(deleteTask({ containerId: "c1", execId: "e1" }));
    await runtime.request(startTask({ containerId: "c1", execId: "e2" }));
    agent.process("c1", "e2").end(8);
    await runtime.request(waitTask({ containerId: "c1", execId: "e2" }));
    await runtime.request(startTask(main("c2")));
    await runtime.request(resumeTask({ containerId: "pod" }));
    for (const id of ["c1", "c2", "pod"]) {
      await runtime.request(killTask({ ...main(id), signal: 9, all: true }));
      expect((await runtime.request(waitTask(main(id)))).status).to.equal(137);
      await runtime.request(deleteTask(main(id)));
    }
    expect(await runtime.request(shutdownTask({ containerId: "pod", now: false }))).to.deep.equal({ done: true });
    expect(hypervisor.calls.at(-1)).to.equal("stop");
    expect(next.shares[0]?.prepared).to.equal(false);
    expect(await next.left()).to.deep.equal([]);
    expect(events.filter((event) => !event.startsWith("exec"))).to.deep.equal([
      "exit c1/e1 7",
      "exit c1/e2 8",
      "start c2",
      "resumed pod",
      "exit c1 137",
      "delete c1",
      "exit c2 137",
      "delete c2",
      "exit pod 137",
      "delete pod",
    ]);
  });

  it("sizes its machine from what that has, and not from what it should have by its limits", async () => {
    const asked: string[] = [];
    const resizable = (hypervisor: FakeHypervisor): void => {
      hypervisor.outliveProcesses({ machine: 1 });
      hypervisor.capabilities.resize = {
        most: { vcpus: 8, memoryMiB: 8192 },
        size: async () => ({ vcpus: 3, memoryMiB: 2048 }),
        vcpus: async (count) => (asked.push(`vcpus ${count}`), count),
        memoryMiB: async (size) => (asked.push(`memory ${size}`), size),
      };
    };
    first.prepareHypervisor = resizable;
    await first.run("pod");
    nextBench();
    next.prepareHypervisor = resizable;
    next.prepareAgent = (agent) => {
      agent.capabilities["online-cpu-mem"] = { online: async ({ cpus }) => void asked.push(`online ${cpus}`) };
    };
    await next.runtime.request(recoverSandbox({ sandboxId: "pod" }));
    const limit = (cpus: number) => {
      const resources = { cpu: { quota: cpus * 100_000, period: 100_000 } };
      return next.runtime.request(updateTask({ containerId: "pod", resources }));
    };
    await limit(2);
    expect(asked, "it has them already").to.deep.equal([]);
    await limit(3);
    expect(asked).to.deep.equal(["vcpus 4", "online 4"]);
  });

  it("tells the ends that came while there was none, once, and not those that were told", async () => {
    await first.run("pod", pod("sandbox"));
    await first.run("told", pod("container"));
    await first.run("untold", pod("container"));
    first.agent.process("told").end(3);
    const told = await first.runtime.request(waitTask(main("told")));
    await addExec(first, "untold", "e1");
    const { exitedAt } = kept("pod").containers[1]?.processes[0]?.exit ?? expect.fail("the end is not on disk");
    expect(exitedAt).to.equal(told.exitedAt.toISOString());
    nextBench();
    // Its end comes when the state was read: the first process, which was not really killed, keeps what it hears of.
    const { prepareAgent } = next;
    next.prepareAgent = (agent) => {
      prepareAgent(agent);
      first.agent.process("untold").end(4);
    };
    await next.runtime.request(recoverSandbox({ sandboxId: "pod" }));
    expect((await next.runtime.request(waitTask(main("untold")))).status).to.equal(4);
    expect(await next.runtime.request(waitTask(main("told")))).to.deep.equal(told);
    // It is told once it is on disk that it was, which takes as long as the disk does.
    while (next.events.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(next.events).to.deep.equal(["exit untold 4"]);
  });

  it("passes on output from where it is, and takes input", async () => {
    const out = join(first.directory, "out");
    const request = { ...first.request("a"), io: { terminal: false, stdout: `file://${out}` } };
    await first.runtime.request(createTask(request));
    await first.runtime.request(startTask(main("a")));
    first.agent.process("a").write("stdout", "one\n");
    while (!existsSync(out) || readFileSync(out, "utf8") !== "one\n") await new Promise((r) => setTimeout(r, 1));
    await recovered("a");
    // The first process waits for output too, as no killed one would: it gets one piece of it.
    first.agent.process("a").write("stdout", "");
    next.agent.process("a").write("stdout", "two\n");
    next.agent.process("a").end(0);
    await next.runtime.request(waitTask(main("a")));
    expect(readFileSync(out, "utf8")).to.equal("one\ntwo\n");
  });

  it("is on disk as it is, before anybody is told", async () => {
    await first.create("pod", pod("sandbox"));
    expect(kept("pod").containers[0]?.processes[0]?.status).to.equal("created");
    await first.runtime.request(startTask(main("pod")));
    expect(kept("pod").containers[0]?.processes[0]?.status).to.equal("running");
    await addExec(first, "pod", "e1");
    expect(kept("pod").containers[0]?.processes[1]).to.deep.include({ execId: "e1", status: "created", spec: process });
    const limits = { memory: { limit: 2 ** 30 } };
    await first.runtime.request(updateTask({ containerId: "pod", resources: limits }));
    expect(kept("pod").containers[0]?.limits).to.deep.include(limits);
    await first.run("c1", pod("container"));
    expect(kept("pod").containers.map(({ request }) => request.containerId)).to.deep.equal(["pod", "c1"]);
    await first.runtime.request(killTask({ ...main("c1"), signal: 9, all: true }));
    await first.runtime.request(waitTask(main("c1")));
    await first.runtime.request(deleteTask(main("c1")));
    expect(kept("pod").containers).to.have.length(1);
    expect(kept("pod").configuration[0]).to.include({ kind: "file" });
    nextBench();
  });

  it("cannot be recovered any more once it is being ended", async () => {
    await first.run("a");
    let there: boolean | undefined;
    first.agent.destroy = async () => undefined;
    first.agent.close = async () => void (there = existsSync(stateFile(runDirectory("a"))));
    await first.runtime.request(killTask({ ...main("a"), signal: 9, all: true }));
    await first.runtime.request(waitTask(main("a")));
    await first.runtime.request(deleteTask(main("a")));
    expect(there).to.equal(false);
    nextBench();
    const error = await failure(next.runtime.request(recoverSandbox({ sandboxId: "a" })));
    expect(codeOf(error)).to.equal("KATA_RECOVER_NO_STATE");
  });

  it("keeps nothing when its machine would end with the process", async () => {
    first.prepareHypervisor = () => undefined;
    await first.run("a");
    nextBench();
    const error = await failure(next.runtime.request(recoverSandbox({ sandboxId: "a" })));
    expect(codeOf(error)).to.equal("KATA_RECOVER_NO_STATE");
  });

  describe("is left as it was found, when", () => {
    async function refused(): Promise<Error> {
      const before = readFileSync(stateFile(runDirectory("a")), "utf8");
      const error = await failure(next.runtime.request(recoverSandbox({ sandboxId: "a" })));
      await next.runtime.close();
      expect(readFileSync(stateFile(runDirectory("a")), "utf8")).to.equal(before);
      expect(existsSync(join(runDirectory("a"), "record.json"))).to.equal(true);
      for (const { calls } of next.hypervisors) expect(calls).not.to.include("stop").and.not.to.include("destroy");
      return error;
    }

    beforeEach(async () => {
      await first.run("a");
      nextBench();
    });

    it("its machine cannot be taken over", async () => {
      next.prepareHypervisor = (hypervisor) => {
        hypervisor.outliveProcesses();
        hypervisor.startError = new Error("no answer");
      };
      expect((await refused()).message).to.equal("no answer");
      expect(next.hypervisor.calls).to.deep.equal(['adopt {"machine":1}', "release"]);
    });

    it("a hypervisor of that name takes over none", async () => {
      next.prepareHypervisor = () => undefined;
      const error = await refused();
      expect(codeOf(error)).to.equal("KATA_RECOVER_PART");
      expect(error.message).to.include("it is a part of the shim, and ends with that");
    });

    it("its agent cannot be reached", async () => {
      next.prepareAgent = (agent) => agent.failures.set("connect", new Error("nobody there"));
      expect((await refused()).message).to.equal("nobody there");
      expect(next.hypervisor.calls.at(-1)).to.equal("release");
      expect(next.agent.calls).to.deep.equal(["connect", "destroy"]);
    });

    it("its machine ends meanwhile", async () => {
      next.prepareAgent = (agent) => {
        agent.silent = true;
        setImmediate(() => next.hypervisor.crash());
      };
      const error = await refused();
      expect(codeOf(error)).to.equal("KATA_RECOVER_PART");
      expect(error.message).to.include("it ended meanwhile");
    });

    it("another hypervisor is configured by the program than made it", async () => {
      const changed = { ...kept("a"), hypervisor: { name: "other" } };
      writeFileSync(stateFile(runDirectory("a")), JSON.stringify(changed));
      expect((await refused()).message).to.include('it was made by the plugin "other", and "fake" is configured');
    });

    it("a container has something from a plugin that is not there", async () => {
      const { containers, ...rest } = kept("a");
      const [one] = containers;
      const resources = [{ kind: "rootfs", driver: "gone", index: 0 }];
      writeFileSync(stateFile(runDirectory("a")), JSON.stringify({ ...rest, containers: [{ ...one, resources }] }));
      expect((await refused()).message).to.include('its rootfs was made by the plugin "gone", which is not there');
    });

    it("nothing says what it has made", async () => {
      const record = join(runDirectory("a"), "record.json");
      const text = readFileSync(record, "utf8");
      rmSync(record);
      const error = await failure(next.runtime.request(recoverSandbox({ sandboxId: "a" })));
      expect(error.message).to.include("there is no record of what it has made");
      writeFileSync(record, text);
    });
  });

  it("is recovered once", async () => {
    await first.run("a");
    await recovered("a");
    const error = await failure(next.runtime.request(recoverSandbox({ sandboxId: "a" })));
    expect(codeOf(error)).to.equal("KATA_SANDBOX_HERE");
  });

  it("is recovered with the configuration that it was made with, whatever has become of that", async () => {
    await first.run("a");
    writeFileSync(join(first.directory, "configuration.toml"), "nonsense");
    next = first.again(kept("a").configuration);
    next.prepareHypervisor = (hypervisor) => hypervisor.outliveProcesses();
    expect(await next.runtime.request(recoverSandbox({ sandboxId: "a" }))).to.deep.include({ containers: ["a"] });
  });
});
