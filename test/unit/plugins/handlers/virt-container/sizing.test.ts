import { availableParallelism } from "node:os";
import { expect } from "chai";
import { codeOf } from "../../../../../src/core/errors/error.js";
import { createTask, deleteTask, killTask, updateTask, waitTask } from "../../../../../src/core/messages/task.js";
import type { OciLinuxResources } from "../../../../../src/core/oci/spec.js";
import type { FakeHypervisor } from "../../../../../src/testing/fake-hypervisor.js";
import { Bench, failure, main, pod } from "./bench.js";

const MiB = 2 ** 20;
const resources = (vcpus: number, memoryMiB: number): OciLinuxResources => ({
  cpu: { quota: vcpus * 100_000, period: 100_000 },
  memory: { limit: memoryMiB * MiB },
});

/** Lets a machine be resized, and notes how. */
function resizable(hypervisor: FakeHypervisor): void {
  hypervisor.capabilities.resize = {
    most: { vcpus: 8, memoryMiB: 8192 },
    size: async () => ({ vcpus: 1, memoryMiB: 2048 }),
    vcpus: async (count) => (hypervisor.calls.push(`vcpus ${count}`), count),
    memoryMiB: async (size) => (hypervisor.calls.push(`memory ${size}`), size),
  };
}

describe("the machine of a sandbox", () => {
  let bench: Bench;
  afterEach(() => bench.close());

  async function open(tables: Parameters<typeof Bench.open>[1] = {}, prepare = resizable): Promise<void> {
    bench = await Bench.open(undefined, tables);
    bench.prepareHypervisor = prepare;
    bench.prepareAgent = (agent) => {
      agent.capabilities["online-cpu-mem"] = { online: async ({ cpus }) => void agent.calls.push(`online ${cpus}`) };
    };
  }

  /** Creates a container with limits. */
  async function create(
    id: string,
    limits: OciLinuxResources,
    annotations: Record<string, string> = {},
  ): Promise<unknown> {
    const request = bench.request(id, annotations);
    request.spec.linux = { ...request.spec.linux, resources: limits };
    return bench.runtime.request(createTask(request));
  }

  const sizes = () => bench.hypervisor.calls.filter((call) => /^(vcpus|memory) /.test(call)).join(", ");
  const fixed = {
    runtime: "static_sandbox_resource_mgmt = true",
    hypervisor: "overhead_vcpus = 0.5\noverhead_memory = 100\ndefault_maxmemory = 4096",
  };

  it("starts with its default size, and follows its containers from there", async () => {
    await open();
    await create("pod", {}, pod("sandbox"));
    expect(bench.hypervisor.spec).to.include({ vcpus: 1, memoryMiB: 2048, fixedSize: false });
    await Promise.all([
      create("c1", resources(0.5, 64), pod("container")),
      create("c2", resources(0.5, 64), pod("container")),
    ]);
    expect(sizes()).to.equal("vcpus 2, memory 2112, memory 2176");
    expect(bench.agent.calls.filter((call) => call.startsWith("online"))).to.deep.equal(["online 2", "online 2"]);
    await bench.runtime.request(updateTask({ containerId: "c1", resources: resources(2, 32) }));
    await bench.runtime.request(killTask({ ...main("c2"), signal: 9, all: true })).catch(() => undefined);
    bench.agent.process("c2").end(0);
    await bench.runtime.request(waitTask(main("c2")));
    await bench.runtime.request(deleteTask(main("c2")));
    expect(sizes()).to.equal("vcpus 2, memory 2112, memory 2176, vcpus 4, memory 2144, vcpus 3, memory 2080");
  });

  it("gives back what a container had that the agent refuses, and refuses one for which it cannot grow", async () => {
    await open();
    await create("pod", {}, pod("sandbox"));
    bench.agent.failures.set("createContainer", new Error("the guest's"));
    expect((await failure(create("c1", resources(1, 64), pod("container")))).message).to.equal("the guest's");
    expect(sizes()).to.equal("vcpus 2, memory 2112, vcpus 1, memory 2048");
    bench.agent.failures.clear();
    bench.hypervisor.calls.length = 0;
    const { resize } = bench.hypervisor.capabilities;
    bench.hypervisor.capabilities.resize = {
      ...resize,
      most: { vcpus: 8, memoryMiB: 8192 },
      size: async () => ({ vcpus: 1, memoryMiB: 2048 }),
      vcpus: async (count) => count,
      memoryMiB: (size) => (size > 2048 ? Promise.reject(new Error("no memory left")) : Promise.resolve(size)),
    };
    const before = bench.agent.calls.length;
    expect((await failure(create("c1", resources(1, 64), pod("container")))).message).to.equal("no memory left");
    expect(bench.agent.calls.slice(before)).to.deep.equal([]);
    await create("c1", {}, pod("container"));
  });

  it("is sized once where it shall never change: by the limits of its only container, and what the guest needs", async () => {
    await open(fixed);
    await create("a", resources(0.6, 300));
    const { vcpus } = bench.hypervisor.spec ?? {};
    expect(bench.hypervisor.spec).to.include({ memoryMiB: 400, fixedSize: true });
    // No more than the host has.
    expect(vcpus).to.equal(Math.min(2, availableParallelism()));
    await bench.runtime.request(updateTask({ containerId: "a", resources: resources(1, 600) }));
    expect(bench.agent.calls.at(-1)).to.match(/^updateContainer .*"limit":629145600/);
  });

  it("is sized once by the annotations of its pod, as far as configuration goes", async () => {
    await open(fixed);
    const limits = {
      "io.kubernetes.cri.sandbox-cpu-quota": "50000",
      "io.kubernetes.cri.sandbox-cpu-period": "100000",
      "io.kubernetes.cri.sandbox-memory": String(9000 * MiB),
    };
    await create("pod", { cpu: { shares: 2 } }, { ...pod("sandbox"), ...limits });
    expect(bench.hypervisor.spec).to.include({ vcpus: 1, memoryMiB: 4096, fixedSize: true });
  });

  it("starts with what it would have grown to when it cannot grow", async () => {
    await open({}, () => undefined);
    await create("a", resources(0, 300));
    expect(bench.hypervisor.spec).to.include({ vcpus: 1, memoryMiB: 2348, fixedSize: true });
  });

  it("follows updates of limits as far as they say something, and not beyond what there can be", async () => {
    await open();
    await create("a", resources(1, 64));
    for (const [update, size] of [
      [{ memory: { limit: 0 }, cpu: { quota: 0, period: 0 } }, ""],
      [{ memory: { limit: 1 } }, "memory 2050"],
      [{ memory: { limit: -1 }, cpu: { quota: -1 } }, "vcpus 1, memory 2048"],
      [{ cpu: { quota: 150_000 } }, "vcpus 3"],
      [{ cpu: { quota: 1_000_000_000 } }, "vcpus 8"],
      [{ memory: { limit: 2 ** 45 } }, "memory 8192"],
      [{ memory: { limit: 2 ** 63 } }, "memory 2048"],
    ] as const) {
      bench.hypervisor.calls.length = 0;
      await bench.runtime.request(updateTask({ containerId: "a", resources: update }));
      expect(sizes(), JSON.stringify(update)).to.equal(size);
    }
  });

  it("stays as it is, with all limits, when an update makes no sense", async () => {
    await open();
    await create("a", resources(1, 64));
    const [calls, told] = [[...bench.hypervisor.calls], [...bench.agent.calls]];
    for (const update of [
      { cpu: { quota: 5, period: -1 } },
      { cpu: { quota: 0.5 } },
      { memory: { limit: 1.5 } },
      { memory: { limit: Number.NaN } },
      { cpu: { cpus: "3-1" } },
      { hugepageLimits: [{ pageSize: "2MB", limit: 0.1 }] },
    ]) {
      const error = await failure(bench.runtime.request(updateTask({ containerId: "a", resources: update })));
      expect(codeOf(error), JSON.stringify(update)).to.equal("KATA_SIZE_INVALID");
    }
    expect([bench.hypervisor.calls, bench.agent.calls]).to.deep.equal([calls, told]);
    await bench.runtime.request(updateTask({ containerId: "a", resources: { cpu: { quota: 200_000 } } }));
    expect(sizes()).to.equal("vcpus 2, memory 2112, vcpus 3");
  });

  it("that never changes takes limits that are none, or more than there can be, for what they are", async () => {
    for (const [memory, quota, size] of [
      ["0", "0", { vcpus: 1, memoryMiB: 2048 }],
      ["-1", "-1", { vcpus: 1, memoryMiB: 2048 }],
      [String(2 ** 45), "100000000", { vcpus: availableParallelism(), memoryMiB: 4096 }],
    ] as const) {
      await open(fixed);
      const limits = { "io.kubernetes.cri.sandbox-cpu-quota": quota, "io.kubernetes.cri.sandbox-memory": memory };
      await create("pod", {}, { ...pod("sandbox"), ...limits });
      expect(bench.hypervisor.spec).to.include(size);
      if (memory !== String(2 ** 45)) await bench.close();
    }
  });

  it("refuses limits that make no sense before anything is made", async () => {
    await open();
    const bad = { cpu: { quota: 5, period: -1 } };
    expect(codeOf(await failure(create("a", bad)))).to.equal("KATA_SIZE_INVALID");
    expect(bench.hypervisors).to.have.length(0);
    const annotations = { ...pod("sandbox"), "io.kubernetes.cri.sandbox-memory": "lots" };
    expect(codeOf(await failure(create("pod", {}, annotations)))).to.equal("KATA_SIZE_INVALID");
    expect(await bench.left()).to.deep.equal([]);
  });
});
