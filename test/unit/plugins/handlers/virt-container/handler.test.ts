import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { codeOf } from "../../../../../src/core/errors/error.js";
import {
  execAdded,
  execStarted,
  taskCreated,
  taskDeleted,
  taskExited,
  taskPaused,
  taskResumed,
  taskStarted,
} from "../../../../../src/core/messages/events.js";
import {
  type CreateTask,
  createTask,
  deleteTask,
  execTask,
  killTask,
  pauseTask,
  resizeTask,
  resumeTask,
  shutdownTask,
  startTask,
  taskState,
  updateTask,
  waitTask,
} from "../../../../../src/core/messages/task.js";
import { defaultSpec } from "../../../../../src/core/oci/default-spec.js";
import { definePlugin } from "../../../../../src/core/plugin/plugin.js";
import { noConfig } from "../../../../../src/core/plugin/standard-schema.js";
import { Runtime } from "../../../../../src/core/runtime/runtime.js";
import { plugin as virtContainer } from "../../../../../src/plugins/handlers/virt-container/index.js";
import { FakeAgent } from "../../../../../src/testing/fake-agent.js";
import { FakeHypervisor } from "../../../../../src/testing/fake-hypervisor.js";
import { FakeShareFs } from "../../../../../src/testing/fake-share-fs.js";
import { fakeSys } from "../../../../../src/testing/fake-sys.js";

const toml = `
[runtime]
name = "virt_container"
hypervisor_name = "fake"
agent_name = "fake"
internetworking_model = "none"
[hypervisor.fake]
shared_fs = "fake"
[agent.fake]
`;

/** A runtime whose machine, agent and storage live in memory; every message and event passes the real core. */
class Bench {
  readonly hypervisors: FakeHypervisor[] = [];
  readonly agents: FakeAgent[] = [];
  readonly shares: FakeShareFs[] = [];
  readonly events: string[] = [];
  /** Applied to each agent and hypervisor that is made. */
  prepareAgent: (agent: FakeAgent) => void = () => undefined;
  prepareHypervisor: (hypervisor: FakeHypervisor) => void = () => undefined;
  readonly runtime: Runtime;

  private constructor(readonly directory: string) {
    const builtin = (plugin: Parameters<typeof definePlugin>[0]) => ({ plugin: definePlugin(plugin), origin: "test" });
    const make = <T>(list: T[], one: T, prepare: (one: T) => void): T => {
      prepare(one);
      list.push(one);
      return one;
    };
    const passThrough = { prepare: async () => ({ mounts: [] }), cleanup: async () => undefined };
    this.runtime = new Runtime({
      configPath: join(directory, "configuration.toml"),
      roots: { run: join(directory, "run"), shared: join(directory, "shared") },
      sys: fakeSys(),
      plugins: [
        { plugin: virtContainer, origin: "test" },
        builtin({
          api: 1,
          kind: "hypervisor",
          name: "fake",
          config: noConfig,
          create: () => make(this.hypervisors, new FakeHypervisor(), this.prepareHypervisor),
        }),
        builtin({
          api: 1,
          kind: "agent",
          name: "fake",
          config: noConfig,
          create: () => make(this.agents, new FakeAgent(), this.prepareAgent),
        }),
        builtin({
          api: 1,
          kind: "share-fs",
          name: "fake",
          config: noConfig,
          create: () => make(this.shares, new FakeShareFs(), () => undefined),
        }),
        builtin({
          api: 1,
          kind: "rootfs",
          name: "fake",
          config: noConfig,
          create: () => ({
            name: "fake",
            match: () => 1,
            create: () => ({ ...passThrough, name: "rootfs", prepare: async () => ({ guestPath: "/root" }) }),
          }),
        }),
        builtin({
          api: 1,
          kind: "volume",
          name: "fake",
          config: noConfig,
          create: () => ({
            name: "fake",
            match: () => 1,
            create: ({ index }: { index: number }) => ({ ...passThrough, name: `volume ${index}` }),
          }),
        }),
      ],
    });
    const { events } = this.runtime;
    events.subscribe(taskCreated, "test", (e) => this.events.push(`create ${e.containerId}`));
    events.subscribe(taskStarted, "test", (e) => this.events.push(`start ${e.containerId}`));
    events.subscribe(taskExited, "test", ({ id, exit }) => {
      this.events.push(`exit ${id.containerId}${id.execId && `/${id.execId}`} ${exit.status}`);
    });
    events.subscribe(taskDeleted, "test", (e) => this.events.push(`delete ${e.containerId}`));
    events.subscribe(execAdded, "test", (e) => this.events.push(`exec-added ${e.execId}`));
    events.subscribe(execStarted, "test", (e) => this.events.push(`exec-started ${e.execId}`));
    events.subscribe(taskPaused, "test", (e) => this.events.push(`paused ${e.containerId}`));
    events.subscribe(taskResumed, "test", (e) => this.events.push(`resumed ${e.containerId}`));
  }

  static async open(): Promise<Bench> {
    const directory = await mkdtemp(join(tmpdir(), "kata-ts-test-"));
    await writeFile(join(directory, "configuration.toml"), toml);
    return new Bench(directory);
  }

  async close(): Promise<void> {
    await this.runtime.close();
    await rm(this.directory, { recursive: true });
  }

  get agent(): FakeAgent {
    return this.agents.at(-1) ?? expect.fail("no agent was made");
  }

  get hypervisor(): FakeHypervisor {
    return this.hypervisors.at(-1) ?? expect.fail("no hypervisor was made");
  }

  request(containerId: string, annotations: Record<string, string> = {}): CreateTask {
    const spec = defaultSpec({ rootPath: "/root", args: ["sleep"], annotations });
    return { containerId, bundle: "/bundle", spec, rootfs: [], io: { terminal: false } };
  }

  create(containerId: string, annotations?: Record<string, string>): Promise<{ pid: number }> {
    return this.runtime.request(createTask(this.request(containerId, annotations)));
  }

  async run(containerId: string, annotations?: Record<string, string>): Promise<void> {
    await this.create(containerId, annotations);
    await this.runtime.request(startTask({ containerId, execId: "" }));
  }

  /** What is left below the run directory. */
  async left(): Promise<string[]> {
    return readdir(join(this.directory, "run"), { recursive: true }).catch(() => []);
  }
}

const main = (containerId: string) => ({ containerId, execId: "" });
const pod = (role: string) => ({ "io.kubernetes.cri.container-type": role, "io.kubernetes.cri.sandbox-id": "pod" });

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail("it should have failed"),
    (error: unknown) => error as Error,
  );
}

describe("the runtime handler virt-container", () => {
  let bench: Bench;
  beforeEach(async () => (bench = await Bench.open()));
  afterEach(() => bench.close());

  it("plays a container's life through, events in order, nothing left", async () => {
    await bench.run("a");
    const exit = bench.runtime.request(waitTask(main("a")));
    bench.agent.process("a").end(42);
    expect((await exit).status).to.equal(42);
    expect(await bench.runtime.request(taskState(main("a")))).to.include({ status: "stopped" });
    expect((await bench.runtime.request(deleteTask(main("a")))).exit.status).to.equal(42);
    expect(await bench.runtime.request(shutdownTask({ containerId: "a", now: false }))).to.deep.equal({ done: true });
    expect(bench.events).to.deep.equal(["create a", "start a", "exit a 42", "delete a"]);
    expect(bench.hypervisor.calls).to.deep.equal(["add fs share", "start", "stop"]);
    expect(bench.shares[0]?.prepared).to.equal(false);
    expect(await bench.left()).to.deep.equal([]);
  });

  it("starts the machine once for a pod, and keeps it until its last container is deleted", async () => {
    await bench.run("pod", pod("sandbox"));
    await bench.run("c1", pod("container"));
    await bench.run("c2", pod("container"));
    expect(bench.hypervisors).to.have.length(1);
    for (const id of ["c1", "pod", "c2"]) {
      await bench.runtime.request(killTask({ ...main(id), signal: 9, all: true }));
      await bench.runtime.request(waitTask(main(id)));
      expect(bench.hypervisor.calls).not.to.include("stop");
      await bench.runtime.request(deleteTask(main(id)));
      const { done } = await bench.runtime.request(shutdownTask({ containerId: id, now: false }));
      expect(done).to.equal(id === "c2");
    }
    expect(bench.hypervisor.calls.at(-1)).to.equal("stop");
    expect(await bench.left()).to.deep.equal([]);
  });

  it("keeps two pods apart that are created at once", async () => {
    await Promise.all([bench.run("a"), bench.run("b")]);
    expect(bench.hypervisors).to.have.length(2);
  });

  it("refuses a second create of one id, also while the first goes on", async () => {
    const [first, second] = await Promise.allSettled([bench.create("a"), bench.create("a")]);
    expect(first.status).to.equal("fulfilled");
    expect(second)
      .to.have.property("reason")
      .that.satisfies((e: unknown) => codeOf(e) === "KATA_CONTAINER_EXISTS");
    expect(codeOf(await failure(bench.create("a")))).to.equal("KATA_CONTAINER_EXISTS");
  });

  it("names the containers there are when one is not", async () => {
    await bench.create("a");
    const error = await failure(bench.runtime.request(taskState(main("b"))));
    expect(error).to.include({ code: "KATA_CONTAINER_UNKNOWN", status: "NOT_FOUND" });
    expect(error.message).to.equal('no container "b"; there are: a');
  });

  it("refuses what the state does not allow", async () => {
    await bench.create("a");
    const { runtime } = bench;
    const process = { cwd: "/", args: ["true"], user: { uid: 0, gid: 0 } };
    const exec = execTask({ containerId: "a", execId: "e", process, io: { terminal: false } });
    for (const request of [runtime.request(pauseTask({ containerId: "a" })), runtime.request(exec)]) {
      expect(await failure(request)).to.include({ code: "KATA_STATE", status: "FAILED_PRECONDITION" });
    }
    await runtime.request(startTask(main("a")));
    expect((await failure(runtime.request(startTask(main("a"))))).message).to.include("it is running");
    expect((await failure(runtime.request(deleteTask(main("a"))))).message).to.include("it is running");
    bench.agent.process("a").end(0);
    await runtime.request(waitTask(main("a")));
    expect((await failure(runtime.request(exec))).message).to.include("it is stopped");
    const kill = runtime.request(killTask({ ...main("a"), signal: 9, all: false }));
    expect(await failure(kill)).to.include({ code: "KATA_PROCESS_FINISHED", status: "NOT_FOUND" });
  });

  it("runs further processes, each with its own end, before and after their container's", async () => {
    await bench.run("a");
    const { runtime } = bench;
    const id = { containerId: "a", execId: "e" };
    const process = { cwd: "/", args: ["true"], user: { uid: 0, gid: 0 } };
    await runtime.request(execTask({ ...id, process, io: { terminal: true } }));
    expect(codeOf(await failure(runtime.request(execTask({ ...id, process, io: { terminal: false } }))))).to.equal(
      "KATA_PROCESS_EXISTS",
    );
    await runtime.request(resizeTask({ ...id, rows: 24, columns: 80 }));
    await runtime.request(startTask(id));
    expect(bench.agent.process("a", "e").size).to.include({ rows: 24, columns: 80 });
    const exit = runtime.request(waitTask(id));
    bench.agent.process("a", "e").end(3);
    expect((await exit).status).to.equal(3);
    expect((await runtime.request(deleteTask(id))).exit.status).to.equal(3);
    expect(codeOf(await failure(runtime.request(taskState(id))))).to.equal("KATA_PROCESS_UNKNOWN");
    expect(bench.events).to.deep.equal(["create a", "start a", "exec-added e", "exec-started e", "exit a/e 3"]);
  });

  it("tells an exit at once while a child holds the output open, and an early one after its start", async () => {
    await bench.create("a");
    const { agent } = bench;
    agent.startContainer = async () => {
      agent.process("a").endWithOpenOutput(7);
      await new Promise((resolve) => setImmediate(resolve));
    };
    const exit = bench.runtime.request(waitTask(main("a")));
    await bench.runtime.request(startTask(main("a")));
    expect((await exit).status).to.equal(7);
    await new Promise((resolve) => setImmediate(resolve));
    expect(bench.events).to.deep.equal(["create a", "start a", "exit a 7"]);
    bench.agent.process("a").closeOutput();
  });

  it("answers who waits for a process that could not be started, and lets it be deleted", async () => {
    await bench.run("a");
    const id = { containerId: "a", execId: "e" };
    const process = { cwd: "/", args: ["/bin/nothing"], user: { uid: 0, gid: 0 } };
    await bench.runtime.request(execTask({ ...id, process, io: { terminal: false } }));
    const exit = bench.runtime.request(waitTask(id));
    bench.agent.failures.set("execProcess", new Error("no such program"));
    expect((await failure(bench.runtime.request(startTask(id)))).message).to.equal("no such program");
    expect((await exit).status).to.equal(255);
    expect(await bench.runtime.request(taskState(id))).to.include({ status: "stopped" });
    await bench.runtime.request(deleteTask(id));
    expect(bench.events).to.deep.equal(["create a", "start a", "exec-added e"]);
  });

  it("pauses and resumes", async () => {
    await bench.run("a");
    await bench.runtime.request(pauseTask({ containerId: "a" }));
    expect(await bench.runtime.request(taskState(main("a")))).to.include({ status: "paused" });
    await bench.runtime.request(resumeTask({ containerId: "a" }));
    expect(bench.events.slice(2)).to.deep.equal(["paused a", "resumed a"]);
  });

  it("passes on limits without those of the host", async () => {
    await bench.run("a");
    const resources = { memory: { limit: 1024 }, cpu: { quota: 5, cpus: "0" }, devices: [{ allow: false }] };
    await bench.runtime.request(updateTask({ containerId: "a", resources }));
    expect(bench.agent.calls.at(-1)).to.equal('updateContainer {"memory":{"limit":1024},"cpu":{"quota":5}}');
  });

  it("names the field of a spec that cannot be honoured, and makes nothing", async () => {
    const request = bench.request("a");
    request.spec.linux = { ...request.spec.linux, devices: [{ path: "/dev/sda", type: "b" }] };
    const error = await failure(bench.runtime.request(createTask(request)));
    expect(error).to.include({ code: "KATA_SPEC_UNSUPPORTED", status: "UNIMPLEMENTED" });
    expect(error.message).to.include('linux.devices = "/dev/sda"');
    expect(bench.hypervisors).to.have.length(0);
    expect(await bench.left()).to.deep.equal([]);
  });

  it("undoes everything when the machine does not start", async () => {
    bench.prepareHypervisor = (hypervisor) => (hypervisor.startError = new Error("no such machine"));
    expect((await failure(bench.create("a"))).message).to.equal("no such machine");
    expect(bench.hypervisor.calls.at(-1)).to.equal("destroy");
    expect(bench.shares[0]?.prepared).to.equal(false);
    expect(await bench.left()).to.deep.equal([]);
    expect(await bench.runtime.request(shutdownTask({ containerId: "a", now: false }))).to.deep.equal({ done: true });
  });

  for (const [what, console, code, said] of [
    ["dies", "Linux version 6", "KATA_VM_DIED", "(signal SIGSEGV); its console ends:\n  Linux version 6"],
    [
      "panics",
      "Kernel panic - not syncing: VFS",
      "KATA_GUEST_PANIC",
      "panicked: VFS; its console ends:\n  Kernel panic",
    ],
  ] as const) {
    it(`says so when the guest ${what} while it boots, with the end of its console`, async () => {
      bench.prepareAgent = (agent) => (agent.silent = true);
      bench.prepareHypervisor = (hypervisor) => (hypervisor.console = [console]);
      const created = failure(bench.create("a"));
      while (!bench.agents[0]?.calls.includes("connect")) await new Promise((resolve) => setImmediate(resolve));
      bench.hypervisor.crash();
      const error = await created;
      expect(codeOf(error)).to.equal(code);
      expect(error.message).to.include(said);
      expect(await bench.left()).to.deep.equal([]);
    });
  }

  it("finds out why a guest is gone before it tells the ends of its processes", async () => {
    bench.prepareAgent = (agent) => (agent.waitProcess = () => Promise.reject(new Error("connection reset")));
    await bench.run("a");
    const exit = bench.runtime.request(waitTask(main("a")));
    expect(await bench.runtime.request(taskState(main("a")))).to.include({ status: "running" });
    bench.hypervisor.crash();
    expect((await exit).status).to.equal(255);
  });

  it("undoes a container that the agent refuses, and keeps the pod's others", async () => {
    await bench.run("pod", pod("sandbox"));
    bench.agent.failures.set("createContainer", new Error("no room"));
    expect((await failure(bench.create("c1", pod("container")))).message).to.equal("no room");
    expect(bench.agent.calls.at(-1)).to.equal("removeContainer");
    bench.agent.failures.clear();
    await bench.create("c1", pod("container"));
    expect(bench.hypervisor.calls).not.to.include("destroy");
  });

  for (const [what, act] of [
    ["the machine dies", (one: Bench) => one.hypervisor.crash()],
    ["the agent is lost", (one: Bench) => one.agent.lose(new Error("connection reset"))],
    ["the share dies", (one: Bench) => one.shares[0]?.fail(new Error("virtiofsd"))],
  ] as const) {
    it(`ends all processes and cleans up when ${what}`, async () => {
      await bench.run("a");
      const exit = bench.runtime.request(waitTask(main("a")));
      act(bench);
      expect((await exit).status).to.equal(255);
      expect(await bench.runtime.request(taskState(main("a")))).to.include({ status: "stopped" });
      await bench.runtime.request(deleteTask(main("a")));
      expect(bench.events).to.deep.equal(["create a", "start a", "exit a 255", "delete a"]);
      expect(await bench.left()).to.deep.equal([]);
    });
  }

  it("ends everything when it is told to shut down now", async () => {
    await bench.run("a");
    expect(await bench.runtime.request(shutdownTask({ containerId: "a", now: true }))).to.deep.equal({ done: true });
    expect(await bench.left()).to.deep.equal([]);
  });
});
