import { expect } from "chai";
import { codeOf } from "../../../../src/core/errors/error.js";
import { createLogger } from "../../../../src/core/log.js";
import { ContainerLimits } from "../../../../src/core/sandbox/container-limits.js";
import { sizeFor } from "../../../../src/core/sizing/machine-size.js";
import { MachineSizing } from "../../../../src/core/sizing/machine-sizing.js";
import { FakeAgent } from "../../../../src/testing/fake-agent.js";
import { FakeHypervisor } from "../../../../src/testing/fake-hypervisor.js";

const MiB = 2 ** 20;
const keys = {
  default_vcpus: 1,
  overhead_vcpus: 0,
  default_maxvcpus: 4,
  default_memory: 256,
  overhead_memory: 0,
  default_maxmemory: 1024,
};
const limits = (vcpus: number, memoryMiB: number) => ({
  cpu: { quota: vcpus * 1000, period: 1000 },
  memory: { limit: memoryMiB * MiB },
});

describe("a machine whose size follows its containers", () => {
  let hypervisor: FakeHypervisor;
  let agent: FakeAgent;
  let lines: string[];
  let all: ContainerLimits;
  let sizing: MachineSizing;
  /** What was asked, of whom, in order. */
  let asked: string[];
  /** What the hypervisor answers, unless it does as it is told. */
  let vcpus: (count: number) => Promise<number>;
  let memoryMiB: (size: number) => Promise<number>;

  const note = (what: string) => void asked.push(what);
  const warnings = () => lines.filter((line) => line.includes("level=warning")).join("\n");

  beforeEach(() => {
    [hypervisor, agent, lines, asked] = [new FakeHypervisor(), new FakeAgent(), [], []];
    [vcpus, memoryMiB] = [async (count) => count, async (size) => size];
    hypervisor.capabilities.resize = {
      most: { vcpus: 4, memoryMiB: 1024 },
      size: async () => expect.fail("nobody asks what it was started with"),
      vcpus: async (count) => (note(`vcpus ${count}`), vcpus(count)),
      memoryMiB: async (size) => (note(`memory ${size}`), memoryMiB(size)),
    };
    agent.capabilities["online-cpu-mem"] = {
      online: async ({ wait, cpus, cpuOnly }) => note(`online ${wait} ${cpus} ${cpuOnly}`),
    };
    const log = createLogger((line) => lines.push(line), "info");
    sizing = new MachineSizing({
      hypervisor,
      agent,
      log,
      size: { vcpus: 1, memoryMiB: 256 },
      sizeFor: (demands) => sizeFor(demands, keys),
      bounds: { default_maxvcpus: 4 },
    });
    all = new ContainerLimits(log);
    all.follow(sizing);
  });

  it("grows with each of them, and shrinks when they go", async () => {
    await all.add("a", limits(1, 64));
    await all.add("b", limits(0.5, 0));
    await all.add("c", {});
    expect(asked.splice(0)).to.deep.equal([
      "vcpus 2",
      "memory 320",
      "online true 2 false",
      "vcpus 3",
      "online true 3 true",
    ]);
    await all.remove("a");
    await all.remove("c");
    await all.remove("b");
    expect(asked).to.deep.equal(["vcpus 2", "memory 256", "vcpus 1"]);
    expect(warnings()).to.equal("");
  });

  it("is larger before the guest knows of an update, and smaller after", async () => {
    await all.add("a", limits(1, 64));
    asked.length = 0;
    const inGuest = async () => note("guest");
    await all.update("a", limits(2, -1), inGuest);
    expect(asked).to.deep.equal(["vcpus 3", "online true 3 true", "guest", "memory 256"]);
  });

  it("is as large as it may be, which is said once", async () => {
    await all.add("a", limits(9, 4096));
    await all.add("b", {});
    expect(asked).to.deep.equal(["vcpus 4", "memory 1024", "online true 4 false"]);
    const said = lines.filter((line) => line.includes("has less than the limits"));
    expect(said).to.have.length(1);
    expect(said[0]).to.include('limits="{\\"vcpus\\":9,\\"memoryMiB\\":4096}"').and.include("default_maxvcpus=4");
  });

  it("goes on with less than it has asked for, and says so when the limits do not fit", async () => {
    memoryMiB = async () => 256;
    await all.add("a", limits(0, 200));
    expect(warnings()).to.equal("");
    await all.add("b", limits(0, 200));
    expect(warnings()).to.include("has less than the limits");
    expect(sizing.size).to.deep.equal({ vcpus: 1, memoryMiB: 256 });
  });

  it("refuses a container for which the hypervisor does not make it larger, and gives back what it had", async () => {
    memoryMiB = async (size) => (size > 256 ? Promise.reject(new Error("no memory")) : size);
    const error = await all.add("a", limits(1, 64)).catch((one: unknown) => one);
    expect(error).to.have.property("message", "no memory");
    expect(asked).to.deep.equal(["vcpus 2", "memory 320", "vcpus 1", "memory 256"]);
    expect(sizing.size).to.deep.equal({ vcpus: 1, memoryMiB: 256 });
  });

  it("knows that a part of what was refused may have come", async () => {
    vcpus = async (count) => (count > 2 ? Promise.reject(new Error("the third")) : count);
    await all.add("a", limits(3, 0)).catch(() => undefined);
    expect(asked).to.deep.equal(["vcpus 4", "vcpus 1"]);
  });

  it("stays larger when it cannot be made smaller, which is said and no error", async () => {
    await all.add("a", limits(1, 64));
    vcpus = () => Promise.reject(new Error("in use"));
    memoryMiB = async () => 320;
    await all.remove("a");
    expect(warnings()).to.include("stays larger").and.include("in use");
    expect(sizing.size).to.deep.equal({ vcpus: 2, memoryMiB: 320 });
  });

  it("asks again for what its guest may give back later than it has said", async () => {
    await all.add("a", limits(0, 200));
    memoryMiB = async () => 400;
    await all.remove("a");
    expect(sizing.size.memoryMiB).to.equal(400);
    asked.length = 0;
    memoryMiB = async (size) => size;
    await all.add("b", limits(0, 64));
    expect(asked).to.deep.equal(["memory 320", "online true 1 false"]);
  });

  it("is refused by an agent that cannot use what comes", async () => {
    delete agent.capabilities["online-cpu-mem"];
    const error = await all.add("a", limits(1, 0)).catch((one: unknown) => one);
    expect(codeOf(error)).to.equal("KATA_SIZE_ONLINE");
    expect(asked).to.deep.equal(["vcpus 2", "vcpus 1"]);
  });

  it("of a hypervisor that cannot resize stays, and says when it is too small", async () => {
    delete hypervisor.capabilities.resize;
    await all.add("a", limits(1, 64));
    expect(warnings()).to.equal("");
    await all.add("b", limits(1, 64));
    expect(warnings()).to.include("has less than the limits");
    await all.remove("b");
    expect(asked).to.deep.equal([]);
  });
});
