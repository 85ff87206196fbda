import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { codeOf } from "../../../../../src/core/errors/error.js";
import { createTask, updateTask } from "../../../../../src/core/messages/task.js";
import { recoverSandbox } from "../../../../../src/core/messages/recovery.js";
import type { OciLinuxResources } from "../../../../../src/core/oci/spec.js";
import type { FakeAgent } from "../../../../../src/testing/fake-agent.js";
import type { FakeHypervisor } from "../../../../../src/testing/fake-hypervisor.js";
import { Bench, failure, pod } from "./bench.js";

const MiB = 2 ** 20;
const kata = "io.katacontainers.container.resource";

describe("the swap of a sandbox's guest", () => {
  const benches: Bench[] = [];
  let root: string;
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), "kata-ts-swap-"))));
  afterEach(async () => {
    const all = benches.splice(0);
    for (const bench of all.toReversed()) await bench.runtime.close();
    // One that comes after another was killed has the same.
    for (const directory of new Set([root, ...all.map((bench) => bench.directory)]))
      rmSync(directory, { recursive: true });
  });

  const keys = () =>
    `default_memory = 256\nenable_guest_swap = true\nguest_swap_path = "${root}"\nguest_swap_create_threshold_secs = 0`;
  const withSwap = (agent: FakeAgent) => {
    agent.capabilities.swap = { add: async ({ id }) => void agent.calls.push(`swap ${id}`) };
    agent.capabilities["online-cpu-mem"] = { online: async () => undefined };
  };
  const plugs = (hypervisor: FakeHypervisor) => {
    hypervisor.outliveProcesses();
    hypervisor.capabilities["block-hotplug"] = { drivers: ["virtio-blk-pci"] };
    hypervisor.capabilities.resize = {
      most: { vcpus: 8, memoryMiB: 8192 },
      size: async () => ({ vcpus: 1, memoryMiB: 256 }),
      vcpus: async (count) => count,
      memoryMiB: async (size) => size,
    };
  };

  async function open(hypervisor = keys(), prepare = plugs): Promise<Bench> {
    const bench = await Bench.open(undefined, { hypervisor });
    bench.prepareHypervisor = prepare;
    bench.prepareAgent = withSwap;
    benches.push(bench);
    return bench;
  }

  async function create(bench: Bench, id: string, resources: OciLinuxResources, annotations: Record<string, string>) {
    const request = bench.request(id, annotations);
    request.spec.linux = { ...request.spec.linux, resources };
    await bench.runtime.request(createTask(request));
  }

  it("follows its memory, and ends with it", async () => {
    const bench = await open();
    await create(bench, "pod", {}, pod("sandbox"));
    expect(readdirSync(join(root, "default:pod"))).to.deep.equal(["swap0"]);
    await create(bench, "c1", { memory: { limit: 64 * MiB } }, pod("container"));
    expect(bench.agent.calls.filter((call) => /^(swap|create)/.test(call))).to.deep.equal([
      "createSandbox",
      "swap 02/01",
      "createContainer",
      "swap 02/01",
      "createContainer",
    ]);
    await bench.runtime.close();
    expect(readdirSync(root)).to.deep.equal([]);
  });

  it("is none, and there is no directory, unless it is asked for", async () => {
    const bench = await open(`guest_swap_path = "${root}/none"`);
    await create(bench, "pod", {}, pod("sandbox"));
    expect(existsSync(join(root, "none"))).to.equal(false);
    expect(bench.agent.calls.join()).not.to.include("swap");
  });

  it("is refused before the machine starts where that takes no disks, and with what it takes where the driver differs", async () => {
    const bench = await open(keys(), (hypervisor) => {
      hypervisor.capabilities["block-hotplug"] = { drivers: ["virtio-blk-mmio", "virtio-scsi"] };
    });
    const error = await failure(create(bench, "pod", {}, pod("sandbox")));
    expect(codeOf(error)).to.equal("KATA_SWAP_MACHINE");
    expect(error.message).to.include("fake plugs virtio-blk-mmio, and block_device_driver is virtio-blk-pci");
    expect(bench.hypervisor.calls).not.to.include("start");
    bench.prepareHypervisor = () => undefined;
    expect((await failure(create(bench, "pod", {}, pod("sandbox")))).message).to.include("plugs none");
    expect([await bench.left(), readdirSync(root)]).to.deep.equal([[], []]);
  });

  it("refuses the container it cannot be made for, and leaves nothing", async () => {
    const bench = await open();
    bench.prepareAgent = () => undefined;
    expect(codeOf(await failure(create(bench, "pod", {}, pod("sandbox"))))).to.equal("KATA_SWAP_AGENT");
    expect([await bench.left(), readdirSync(root)]).to.deep.equal([[], []]);
  });

  it("goes on in another process, and ends with the sandbox there", async () => {
    const first = await open();
    await first.run("pod", pod("sandbox"));
    const next = first.again();
    benches.push(next);
    const { prepareAgent } = next;
    next.prepareHypervisor = plugs;
    next.prepareAgent = (agent) => {
      prepareAgent(agent);
      withSwap(agent);
    };
    await next.runtime.request(recoverSandbox({ sandboxId: "pod" }));
    await create(next, "c1", { memory: { limit: 64 * MiB } }, pod("container"));
    expect(next.agent.calls.filter((call) => call.startsWith("swap"))).to.deep.equal(["swap 02/01"]);
    expect(readdirSync(join(root, "default:pod"))).to.deep.equal(["swap0", "swap1"]);
    await next.runtime.close();
    expect(readdirSync(root)).to.deep.equal([]);
  });

  describe("as its containers may use it", () => {
    it("is what annotations say, beside memory", async () => {
      const bench = await open();
      const annotations = { [`${kata}.swap_in_bytes`]: String(96 * MiB), [`${kata}.swappiness`]: "60" };
      await create(bench, "a", { memory: { limit: 64 * MiB } }, annotations);
      const { spec } = bench.agent.containers.get("a") ?? {};
      expect(spec?.linux?.resources?.memory).to.deep.equal({ limit: 64 * MiB, swap: 96 * MiB });
    });

    it("is refused when annotations make no sense", async () => {
      const bench = await open();
      const limit = { memory: { limit: 64 * MiB } };
      for (const [name, value, resources, code] of [
        ["swap_in_bytes", "lots", limit, "KATA_SPEC_INVALID"],
        ["swap_in_bytes", "-1", limit, "KATA_SPEC_INVALID"],
        ["swap_in_bytes", "9".repeat(16), limit, "KATA_SPEC_INVALID"],
        ["swap_in_bytes", String(63 * MiB), limit, "KATA_CGROUP_VALUE"],
        ["swap_in_bytes", String(63 * MiB), {}, "KATA_CGROUP_VALUE"],
        ["swappiness", "201", limit, "KATA_SPEC_INVALID"],
        ["swappiness", "", limit, "KATA_SPEC_INVALID"],
      ] as const) {
        const error = await failure(create(bench, "a", resources, { [`${kata}.${name}`]: value }));
        expect(codeOf(error), `${name} ${value}`).to.equal(code);
        expect(error.message).to.include(`${kata}.${name}`);
      }
      expect([bench.hypervisors, readdirSync(root)]).to.deep.equal([[], []]);
    });

    it("is told with the limit of memory that it includes", async () => {
      const bench = await open();
      await create(bench, "a", { memory: { limit: 64 * MiB } }, {});
      const updates = async (memory: NonNullable<OciLinuxResources["memory"]>) => {
        await bench.runtime.request(updateTask({ containerId: "a", resources: { memory } }));
        return bench.agent.calls.at(-1);
      };
      const sent = (limit: number | undefined, swap: number | undefined) =>
        `updateContainer ${JSON.stringify({ memory: { swap, limit } })}`;
      expect(await updates({ swap: 96 * MiB })).to.equal(sent(64 * MiB, 96 * MiB));
      expect(await updates({ swap: -1 })).to.equal(sent(64 * MiB, -1));
      expect(await updates({ limit: 70 * MiB })).to.equal(sent(70 * MiB, undefined));
      expect(await updates({ swap: 96 * MiB })).to.equal(sent(70 * MiB, 96 * MiB));
    });
  });
});
