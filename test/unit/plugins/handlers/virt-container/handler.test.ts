import { expect } from "chai";
import { codeOf, describeError } from "../../../../../src/core/errors/error.js";
import {
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
  taskStats,
  updateTask,
  waitTask,
} from "../../../../../src/core/messages/task.js";
import { Bench, failure, main, pod } from "./bench.js";

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
      if (id !== "c2") await bench.runtime.request(killTask({ ...main(id), signal: 9, all: true }));
      await bench.runtime.request(waitTask(main(id)));
      expect(bench.hypervisor.calls).not.to.include("stop");
      await bench.runtime.request(deleteTask(main(id)));
      const { done } = await bench.runtime.request(shutdownTask({ containerId: id, now: false }));
      expect(done).to.equal(id === "c2");
    }
    expect(bench.hypervisor.calls.at(-1)).to.equal("stop");
    expect(await bench.left()).to.deep.equal([]);
  });

  it("ends a pod with the container that stands for it, and takes no further ones then", async () => {
    await bench.run("pod", pod("sandbox"));
    await bench.run("c1", pod("container"));
    await bench.create("c2", pod("container"));
    bench.agent.process("pod").end(3);
    expect((await bench.runtime.request(waitTask(main("pod")))).status).to.equal(3);
    for (const id of ["c1", "c2"]) expect((await bench.runtime.request(waitTask(main(id)))).status).to.equal(137);
    expect(bench.events.slice(-3)).to.deep.equal(["exit pod 3", "exit c1 137", "exit c2 137"]);
    const refused = { code: "KATA_SANDBOX_ENDED", status: "FAILED_PRECONDITION" };
    expect(await failure(bench.run("c3", pod("container")))).to.include(refused);
    expect(await failure(bench.runtime.request(startTask(main("c2"))))).to.include(refused);
    await bench.runtime.request(deleteTask(main("pod")));
    expect(await failure(bench.run("c3", pod("container")))).to.include(refused);
    for (const id of ["c1", "c2"]) await bench.runtime.request(deleteTask(main(id)));
    expect(await bench.left()).to.deep.equal([]);
  });

  it("ends and deletes a container whose usage the guest does not tell", async () => {
    let asked: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => (asked = resolve));
    bench.prepareAgent = (agent) => {
      agent.stats = () => {
        asked();
        return new Promise(() => undefined);
      };
    };
    await bench.run("a");
    void bench.runtime.request(taskStats({ containerId: "a" }));
    await waiting;
    await bench.runtime.request(killTask({ ...main("a"), signal: 9, all: false }));
    expect((await bench.runtime.request(waitTask(main("a")))).status).to.equal(137);
    expect((await bench.runtime.request(deleteTask(main("a")))).exit.status).to.equal(137);
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
    request.spec.linux = { ...request.spec.linux, devices: [{ path: "/dev/kvm", type: "c" }] };
    const error = await failure(bench.runtime.request(createTask(request)));
    expect(error).to.include({ code: "KATA_SPEC_UNSUPPORTED", status: "UNIMPLEMENTED" });
    expect(error.message).to.include('linux.devices = "/dev/kvm"');
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

  it("names the share when that is why the machine does not start", async () => {
    bench.prepareHypervisor = (hypervisor) => {
      hypervisor.start = () => {
        bench.shares[0]?.fail(new Error("virtiofsd: pivot_root: Invalid argument"));
        return Promise.reject(new Error("vhost_backend_init failed"));
      };
    };
    const error = await failure(bench.create("a"));
    expect(codeOf(error)).to.equal("KATA_SHARE_LOST");
    expect(describeError(error)).to.include("virtiofsd: pivot_root: Invalid argument");
    expect(await bench.left()).to.deep.equal([]);
  });

  for (const [what, console, code, said] of [
    ["dies", "Linux version 6", "KATA_VM_DIED", "(signal SIGSEGV); its console ends:\n  Linux version 6"],
    [
      "panics",
      "Kernel panic - not syncing: VFS",
      "KATA_GUEST_PANIC",
      "panicked: VFS; its console says:\n  Kernel panic",
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

  it("says what the guest did when the machine has ended by that", async () => {
    bench.prepareAgent = (agent) => (agent.silent = true);
    const created = failure(bench.create("a"));
    while (!bench.agents[0]?.calls.includes("connect")) await new Promise((resolve) => setImmediate(resolve));
    bench.hypervisor.crash({ code: 0, why: "its guest reset it" });
    expect((await created).message).to.include("ended by itself (its guest reset it)");
  });

  for (const [where, call] of [
    ["the sandbox is made in it", "createSandbox"],
    ["a container is made in it", "createContainer"],
    ["a container is started in it", "startContainer"],
  ] as const) {
    it(`says why the guest is gone, not that the connection broke, when that happens while ${where}`, async () => {
      bench.prepareAgent = (agent) => {
        agent[call] = () => {
          const broken = new Error("the connection has ended");
          agent.lose(broken);
          setImmediate(() => bench.hypervisor.crash({ code: 0, why: "its guest reset it" }));
          return Promise.reject(broken);
        };
      };
      const error = await failure(bench.run("a"));
      expect(codeOf(error), error.message).to.equal("KATA_VM_DIED");
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
