import { expect } from "chai";
import { codeOf } from "../../../../../src/core/errors/error.js";
import { deleteTask, taskState, waitTask } from "../../../../../src/core/messages/task.js";
import { traceCulprits } from "../../../../../src/core/plugin/culprit.js";
import { Bench, failure, main } from "./bench.js";

describe("a plugin that throws where nobody can catch it", () => {
  let bench: Bench;
  /** Has each machine, by the order of their making, throw as a callback of its would. */
  let throwing: (() => void)[];

  before(traceCulprits);
  beforeEach(async () => {
    bench = await Bench.open();
    throwing = [];
    bench.prepareHypervisor = (hypervisor) => {
      const start = hypervisor.start.bind(hypervisor);
      hypervisor.start = (spec) => {
        const thrown = new Promise<void>((resolve) => throwing.push(resolve));
        // In the context of the plugin, as an error of its own would be.
        void thrown.then(() => bench.runtime.contain(new Error("a socket was closed")));
        return start(spec);
      };
    };
  });
  afterEach(() => bench.close());

  it("ends its own sandbox, and no other", async () => {
    await bench.run("a");
    await bench.run("b");
    const exit = bench.runtime.request(waitTask(main("a")));
    throwing[0]?.();
    expect((await exit).status).to.be.above(0);
    await bench.runtime.request(deleteTask(main("a")));
    expect(bench.hypervisors.map(({ calls }) => calls.includes("destroy"))).to.deep.equal([true, false]);
    expect(await bench.runtime.request(taskState(main("b")))).to.include({ status: "running" });
  });

  it("ends the boot that it breaks, which fails with it, and leaves nothing", async () => {
    bench.prepareAgent = (agent) => {
      agent.silent = true;
      const connect = agent.connect.bind(agent);
      agent.connect = (address, signal) => {
        throwing[0]?.();
        return connect(address, signal);
      };
    };
    const error = await failure(bench.create("a"));
    expect(codeOf(error)).to.equal("KATA_PLUGIN_LATE");
    expect(error.message).to.include("plugin hypervisor/fake from");
    expect(error.cause).to.have.property("message", "a socket was closed");
    expect(await bench.left()).to.deep.equal([]);
  });
});
