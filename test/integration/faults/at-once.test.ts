import { expect } from "chai";
import { execRequest, MachineShim, refusal, type TaskClient } from "../../support/machine-shim.js";
import { expectNoLeaks } from "../../support/leaks.js";
import { podAnnotations } from "../../support/shim.js";

/** A pod of two containers, and what tells it from the other. */
const pods = [
  { sandbox: "pod-a", container: "app-a", status: 3 },
  { sandbox: "pod-b", container: "app-b", status: 4 },
] as const;
type Pod = (typeof pods)[number];

describe("two pods at once, each asked for twice at once", () => {
  let shim: MachineShim;
  before(() => {
    shim = new MachineShim();
  });
  after(() => shim.end());

  /** Creates the pod's first container twice at once: one of the two boots the machine, the other is refused. */
  async function createTwice({ sandbox }: Pod): Promise<TaskClient> {
    shim.specify(sandbox, ["sleep", "1000"], { annotations: podAnnotations("sandbox", sandbox) });
    const task = await shim.connect(sandbox);
    const other = await shim.client(sandbox);
    const results = await Promise.allSettled([task, other].map((one) => one.create(shim.createRequest(sandbox))));
    expect(results.map(({ status }) => status)).to.have.members(["fulfilled", "rejected"]);
    const { reason } = results.find((result) => result.status === "rejected") ?? expect.fail("both were created");
    expect(reason).to.include({ status: "ALREADY_EXISTS" });
    expect(String(reason)).to.include(`the container "${sandbox}" exists already`);
    await task.start({ id: sandbox, execId: "" });
    return task;
  }

  /** Runs the pod's second container to its end; the id of the kernel it ran on. */
  async function runContainer({ sandbox, container, status }: Pod): Promise<string> {
    const annotations = podAnnotations("container", sandbox);
    const script = `cat /proc/sys/kernel/random/boot_id; echo ${container}; exit ${status}`;
    const task = await shim.launch(container, ["sh", "-c", script], { annotations });
    expect((await task.wait({ id: container, execId: "" })).exitStatus).to.equal(status);
    expect((await task.delete({ id: container, execId: "" })).exitStatus).to.equal(status);
    await task.shutdown({ id: container, now: false });
    const [bootId = "", said] = shim.output(container).split("\n");
    expect(said).to.equal(container);
    return bootId;
  }

  it("gives two machines, of which each has what is its own, and leaves nothing", async () => {
    const tasks = await Promise.all(pods.map(createTwice));
    const bootIds = await Promise.all(pods.map(runContainer));
    expect(new Set(bootIds).size).to.equal(2);
    expect(new Set(pods.map(({ sandbox }) => shim.recordedPid(sandbox, "qemu"))).size).to.equal(2);
    const [a, b] = pods;
    const asked = await refusal((tasks[0] ?? expect.fail("no pod")).state({ id: b.sandbox, execId: "" }));
    expect(asked).to.deep.equal({
      status: "NOT_FOUND",
      message: `no container "${b.sandbox}"; there are: ${a.sandbox} [KATA_CONTAINER_UNKNOWN]`,
    });

    // The end of one is nothing to the other.
    const shims = pods.map(({ sandbox }) => shim.shim(sandbox));
    await shim.remove(a.sandbox);
    const task = tasks[1] ?? expect.fail("no pod");
    await task.exec(execRequest(b.sandbox, "e", ["sh", "-c", "exit 5"]));
    await task.start({ id: b.sandbox, execId: "e" });
    expect((await task.wait({ id: b.sandbox, execId: "e" })).exitStatus).to.equal(5);
    await shim.remove(b.sandbox);
    for (const process of shims) await shim.gone(process);

    for (const { sandbox, container, status } of pods) {
      const life = ["create", "start", "exit", "delete"];
      expect(shim.events.topics(sandbox).filter((topic) => life.includes(topic))).to.include.members(life);
      expect(shim.events.topics(container)).to.deep.equal(life);
      const exit = shim.events.events.find((one) => one.containerId === container && one.topic === "/tasks/exit");
      expect(exit?.exitStatus).to.equal(status);
    }
    expect(shim.leftovers()).to.deep.equal([]);
    await expectNoLeaks(new Set(), shim.leakScope);
  });
});
