import { expect } from "chai";
import type { HypervisorConfig } from "../../../../../src/core/config/keys/hypervisor.js";
import { hypervisorKeys } from "../../../../../src/core/config/keys/hypervisor.js";
import { defaultsOf } from "../../../../../src/core/config/keys/key.js";
import type { VmSpec } from "../../../../../src/core/contracts/hypervisor.js";
import { codeOf, defineErrors, messageOf } from "../../../../../src/core/errors/error.js";
import { createLogger } from "../../../../../src/core/log.js";
import type { Monitor } from "../../../../../src/plugins/hypervisors/qemu/hotplug.js";
import { MachineResize } from "../../../../../src/plugins/hypervisors/qemu/machine-resize.js";
import { failureOf } from "./machine.js";

const { KATA_QMP_REFUSED, KATA_DEADLINE } = defineErrors({
  KATA_QMP_REFUSED: { status: "INTERNAL", message: (p: { command: string }) => `QEMU refuses ${p.command}` },
  KATA_DEADLINE: { status: "DEADLINE_EXCEEDED", message: () => "waited" },
});

type Arguments = Readonly<Record<string, unknown>>;

/** A machine of four processors, one of which is there, whose guest does what it is told unless it is told not to. */
class NotedMachine implements Monitor {
  readonly asked: string[] = [];
  readonly cpus = [true, false, false, false];
  readonly objects = new Map<string, number>();
  /** Bytes of the modules in the slots. */
  readonly modules: number[] = [];
  requested = 0;
  plugged = 0;
  /** Commands that QEMU refuses. */
  refused: readonly string[] = [];
  /** Whether it can have more memory at all. */
  hasDevice = true;
  /** What the guest says, as ACPI has it; undefined: nothing. */
  answers = new Map<string, number | undefined>();
  #events: unknown[] = [];

  async execute(command: string, args: Arguments = {}): Promise<unknown> {
    if (command === "query-hotpluggable-cpus") return this.#cpuList();
    if (command === "qom-get") return this.plugged;
    if (command === "query-memory-size-summary") return this.#memory();
    if (command === "query-memory-devices")
      return this.modules.map((size, slot) => ({ type: "dimm", data: { slot, size } }));
    this.asked.push(`${command} ${String(args["id"] ?? args["value"])}`);
    if (this.refused.includes(command)) throw KATA_QMP_REFUSED({ command });
    const id = String(args["id"]);
    if (command === "object-add") this.objects.set(id, Number(args["size"]));
    if (command === "object-del") this.objects.delete(id);
    if (command === "qom-set") this.plugged = Math.min(Number(args["value"]), this.requested || Infinity);
    const [kind, slot] = id.split("-");
    if (command === "device_add" && kind === "dimm") this.modules.push(this.objects.get(`${id}-memory`) ?? 0);
    if (command === "device_add" && kind === "cpu") this.cpus[Number(slot)] = true;
    if (command.startsWith("device_")) this.#answer(command === "device_add" ? 1 : 3, String(kind), String(slot));
    return {};
  }

  async giveDescriptor(): Promise<void> {
    throw new Error("no descriptor is needed");
  }

  expectEvent: Monitor["expectEvent"] = (name, wanted) => ({
    within: async () => {
      const data = this.#events.find((one) => wanted?.(one as Arguments)) as Arguments | undefined;
      if (data === undefined) throw KATA_DEADLINE({});
      return { kind: "event", name, data } as const;
    },
    forget: () => void (this.#events = []),
  });

  #answer(source: number, kind: string, slot: string): void {
    const status = this.answers.has(`${kind}-${slot}`) ? this.answers.get(`${kind}-${slot}`) : 0;
    const say = (code: number) =>
      this.#events.push({ info: { slot, source, status: code, "slot-type": kind === "cpu" ? "CPU" : "DIMM" } });
    say(0x84);
    if (status !== undefined) say(status);
    if (kind === "cpu" && source === 3 && status === 0) this.cpus[Number(slot)] = false;
  }

  #memory(): unknown {
    const modules = this.modules.reduce((all, one) => all + one, 0);
    return { "base-memory": 256 * 2 ** 20, ...(this.hasDevice && { "plugged-memory": modules + this.plugged }) };
  }

  #cpuList(): unknown[] {
    const path = (core: number) => (core === 0 ? "/machine/unattached/device[0]" : `/machine/peripheral/cpu-${core}`);
    return this.cpus
      .map((there, core) => ({
        type: "host-x86_64-cpu",
        props: { "core-id": core, "socket-id": 0, "thread-id": 0, "node-id": 0 },
        ...(there && { "qom-path": path(core) }),
      }))
      .toReversed();
  }
}

describe("a running machine of QEMU", () => {
  let machine: NotedMachine;
  let lines: string[];
  beforeEach(() => ([machine, lines] = [new NotedMachine(), []]));

  function resize(more: Partial<HypervisorConfig> = {}, spec: Partial<VmSpec> = {}, by: "kvm" | "tcg" = "kvm") {
    const settings = { ...defaultsOf(hypervisorKeys), default_maxvcpus: 4, default_maxmemory: 4096, ...more };
    const log = createLogger((line) => lines.push(line), "warn");
    const one = new MachineResize({ machineType: "q35", settings, log, monitor: () => machine });
    one.plan({ vcpus: 1, memoryMiB: 256, kernelParameters: [], ...spec }, by, 0.01, false);
    return one.capability ?? expect.fail("it cannot be resized");
  }

  it("gets processors and gives them back, the last first, but not those it has started with", async () => {
    const sizes = resize();
    expect(sizes.most).to.include({ vcpus: 4, memoryMiB: 4096 });
    expect(await sizes.vcpus(3)).to.equal(3);
    expect(await sizes.vcpus(2)).to.equal(2);
    expect(await sizes.vcpus(1)).to.equal(1);
    machine.cpus[1] = true;
    expect(machine.asked).to.deep.equal([
      "device_add cpu-1",
      "device_add cpu-2",
      "device_del cpu-2",
      "device_del cpu-1",
    ]);
  });

  it("keeps its processors when they are emulated: QEMU ends when others come after they went", async () => {
    const sizes = resize({}, {}, "tcg");
    expect(await sizes.vcpus(3)).to.equal(3);
    expect(await sizes.vcpus(1)).to.equal(3);
    expect(await sizes.vcpus(4)).to.equal(4);
    expect(machine.asked).to.deep.equal(["device_add cpu-1", "device_add cpu-2", "device_add cpu-3"]);
  });

  it("has no more processors than there are places", async () => {
    expect(await resize().vcpus(9)).to.equal(4);
  });

  it("says what it could not have when QEMU refuses, or the guest, or nobody answers", async () => {
    const sizes = resize();
    machine.refused = ["device_add"];
    const refused = await failureOf(sizes.vcpus(2));
    expect(codeOf(refused)).to.equal("KATA_HYPERVISOR_RESIZE");
    expect(messageOf(refused)).to.equal("qemu cannot have its machine have 2 vCPUs: QEMU refuses device_add");
    machine.refused = [];
    machine.answers.set("cpu-1", 1);
    expect(messageOf(await failureOf(sizes.vcpus(2)))).to.include("the guest does not take the CPU in slot 1");
    machine.answers.set("cpu-1", undefined);
    expect(messageOf(await failureOf(sizes.vcpus(1)))).to.include("waited");
    machine.answers.clear();
    expect(await sizes.vcpus(1)).to.equal(1);
  });

  it("takes no size that is none", async () => {
    const sizes = resize();
    for (const size of [0, -1, 1.5, Number.NaN, Infinity]) {
      expect(codeOf(await failureOf(sizes.vcpus(size)))).to.equal("KATA_HYPERVISOR_RESIZE");
      expect(codeOf(await failureOf(sizes.memoryMiB(size)))).to.equal("KATA_HYPERVISOR_RESIZE");
    }
    expect(machine.asked).to.deep.equal([]);
  });

  it("gets memory in modules of whole blocks, which stay", async () => {
    const sizes = resize({ memory_slots: 2 });
    expect(await sizes.memoryMiB(300)).to.equal(384);
    expect(await sizes.memoryMiB(380)).to.equal(384);
    expect(await sizes.memoryMiB(256)).to.equal(384);
    expect(await sizes.memoryMiB(3000)).to.equal(3072);
    expect(await sizes.memoryMiB(3500), "there is no third slot").to.equal(3072);
    expect(machine.asked).to.deep.equal([
      "object-add dimm-0-memory",
      "device_add dimm-0",
      "object-add dimm-1-memory",
      "device_add dimm-1",
    ]);
  });

  it("tells what there is, also what another process has plugged in", async () => {
    const sizes = resize();
    expect(await sizes.size()).to.deep.equal({ vcpus: 1, memoryMiB: 256 });
    machine.cpus[1] = true;
    machine.modules.push(128 * 2 ** 20);
    machine.plugged = 64 * 2 ** 20;
    expect(await sizes.size()).to.deep.equal({ vcpus: 2, memoryMiB: 448 });
    machine.hasDevice = false;
    expect(await sizes.size()).to.deep.equal({ vcpus: 2, memoryMiB: 256 });
    expect(machine.asked).to.deep.equal([]);
  });

  it("counts the modules that another process has plugged in", async () => {
    machine.modules.push(512 * 2 ** 20);
    const sizes = resize({ memory_slots: 2 });
    expect(await sizes.memoryMiB(700)).to.equal(768);
    expect(await sizes.memoryMiB(800)).to.equal(896);
    expect(machine.asked.at(-1)).to.equal("device_add dimm-1");
  });

  it("gets no more at once than the guest can tell the pages of", async () => {
    const sizes = resize({ default_maxmemory: 65_536 });
    expect(await sizes.memoryMiB(40_000)).to.equal(40_064);
    expect(machine.asked.filter((one) => one.startsWith("device_add"))).to.have.length(2);
  });

  it("has memory as far as there is room", async () => {
    expect(await resize({ default_maxmemory: 700 }).memoryMiB(5000)).to.equal(640);
    machine.modules.length = 0;
    expect(await resize({ memory_slots: 0 }).memoryMiB(5000)).to.equal(256);
  });

  it("leaves nothing of a module that QEMU does not take", async () => {
    const sizes = resize();
    machine.refused = ["device_add"];
    expect(messageOf(await failureOf(sizes.memoryMiB(384)))).to.include("QEMU refuses device_add");
    expect([...machine.objects.keys()]).to.deep.equal([]);
    machine.refused = ["device_add", "object-del"];
    expect(messageOf(await failureOf(sizes.memoryMiB(384)))).to.include("plugging in dimm-0, and undoing it");
    machine.refused = [];
    expect(await sizes.memoryMiB(384)).to.equal(384);
  });

  it("does not count a module that the guest does not take, and uses the next slot", async () => {
    const sizes = resize();
    machine.answers.set("dimm-0", 3);
    expect(messageOf(await failureOf(sizes.memoryMiB(384)))).to.include("the guest does not take the DIMM in slot 0");
    expect(await sizes.memoryMiB(384)).to.equal(384);
    expect(machine.asked.at(-1)).to.equal("device_add dimm-1");
  });

  it("plugs memory in and out with virtio-mem, as far as the guest does it", async () => {
    const sizes = resize({ enable_virtio_mem: true });
    expect(sizes.most.memoryMiB).to.equal(4096);
    expect(await sizes.memoryMiB(301)).to.equal(302);
    expect(await sizes.memoryMiB(9999)).to.equal(4096);
    expect(await sizes.memoryMiB(100)).to.equal(256);
    expect(lines).to.deep.equal([]);
    machine.requested = 64 * 2 ** 20;
    expect(await sizes.memoryMiB(512)).to.equal(320);
    expect(lines.join()).to.include("the guest has not plugged the memory it was asked to");
  });

  it("has no say in a size that is fixed", () => {
    expect(() => resize({}, { fixedSize: true })).to.throw("it cannot be resized");
  });
});
