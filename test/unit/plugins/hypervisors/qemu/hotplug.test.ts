import { expect } from "chai";
import { codeOf, defineErrors, messageOf } from "../../../../../src/core/errors/error.js";
import type { DevicePlan } from "../../../../../src/plugins/hypervisors/qemu/device-plan.js";
import { type Monitor, plugIn, pullOut, resizeDisk } from "../../../../../src/plugins/hypervisors/qemu/hotplug.js";
import { failureOf } from "./machine.js";

const { KATA_QMP_REFUSED, KATA_QMP_NO_DEVICE, KATA_DEADLINE } = defineErrors({
  KATA_QMP_NO_DEVICE: { status: "NOT_FOUND", message: () => "no such device" },
  KATA_DEADLINE: { status: "DEADLINE_EXCEEDED", message: () => "waited" },
  KATA_QMP_REFUSED: { status: "INTERNAL", message: (p: { command: string }) => `QEMU refuses ${p.command}` },
});

/**
 * A monitor that notes what it is asked to change and refuses some of it. As in QEMU, a character device goes with the
 * `netdev` that has it.
 */
class NotedMonitor implements Monitor {
  readonly asked: [command: string, parameters: unknown][] = [];
  readonly #refused: readonly string[];
  readonly #chardevs = new Set<string>();

  constructor(...refused: readonly string[]) {
    this.#refused = refused;
  }

  get commands(): string[] {
    return this.asked.map(([command]) => command);
  }

  async execute(command: string, parameters?: object): Promise<unknown> {
    if (command === "query-chardev") return [...this.#chardevs].map((label) => ({ label, filename: "unix" }));
    this.asked.push([command, parameters]);
    if (this.#refused.includes(command)) throw KATA_QMP_REFUSED({ command });
    if (command === "chardev-add") this.#chardevs.add("socket0");
    if (command === "netdev_del") this.#chardevs.clear();
    return {};
  }

  async giveDescriptor(name: string, fd: number): Promise<void> {
    this.asked.push(["getfd", { name, fd }]);
  }

  expectEvent: Monitor["expectEvent"] = (name, wanted) => ({
    within: async () => {
      const event = { kind: "event", name, data: { device: "device0" } } as const;
      if (wanted?.(event.data) === false) throw new Error("another device's event");
      return event;
    },
    forget: () => undefined,
  });
}

const slot = { place: {}, release: () => undefined };
const served: DevicePlan = {
  name: "device0",
  slot,
  parts: [
    { kind: "chardev", id: "socket0", path: "/s" },
    { kind: "netdev", id: "net0", properties: { type: "vhost-user", id: "net0", chardev: "socket0" } },
    { kind: "device", properties: { driver: "virtio-net-pci", id: "device0" } },
  ],
};
const tap: DevicePlan = { ...served, parts: served.parts.slice(1), descriptors: [{ name: "fd0", fd: 9 }] };

describe("plugging into a running QEMU", () => {
  it("makes the parts of a device in order, and removes them in reverse when it is pulled out", async () => {
    const monitor = new NotedMonitor();
    await plugIn(monitor, served, { by: "kvm", extraMs: 0 });
    const addr = { type: "unix", data: { path: "/s" } };
    expect(monitor.asked).to.deep.equal([
      ["chardev-add", { id: "socket0", backend: { type: "socket", data: { addr, server: false } } }],
      ["netdev_add", { type: "vhost-user", id: "net0", chardev: "socket0" }],
      ["device_add", { driver: "virtio-net-pci", id: "device0" }],
    ]);
    monitor.asked.length = 0;
    await pullOut(monitor, served, "net1", 1);
    expect(monitor.asked).to.deep.equal([
      ["device_del", { id: "device0" }],
      ["netdev_del", { id: "net0" }],
    ]);
  });

  it("gives an emulated machine what is different there", async () => {
    const [, , card] = served.parts;
    if (card?.kind !== "device") throw new Error("the last part is the device");
    const plan: DevicePlan = { ...served, parts: [{ ...card, emulated: { vectors: 0 } }] };
    const [onKvm, emulated] = [new NotedMonitor(), new NotedMonitor()];
    await plugIn(onKvm, plan, { by: "kvm", extraMs: 0 });
    await plugIn(emulated, plan, { by: "tcg", extraMs: 0 });
    expect(onKvm.asked).to.deep.equal([["device_add", card.properties]]);
    expect(emulated.asked).to.deep.equal([["device_add", { ...card.properties, vectors: 0 }]]);
  });

  const steps = [
    ["chardev-add", []],
    ["netdev_add", ["chardev-remove"]],
    ["device_add", ["netdev_del"]],
  ] as const;
  for (const [refused, undone] of steps) {
    it(`undoes in reverse what was made before QEMU refuses ${refused}`, async () => {
      const monitor = new NotedMonitor(refused);
      expect(messageOf(await failureOf(plugIn(monitor, served, { by: "kvm", extraMs: 0 })))).to.equal(
        `QEMU refuses ${refused}`,
      );
      expect(monitor.commands.slice(monitor.commands.indexOf(refused) + 1)).to.deep.equal(undone);
    });
  }

  /** A guest that does not answer, and a QEMU that says what it says then. */
  const silent = (...answers: readonly (Error | undefined)[]): NotedMonitor => {
    const monitor = new NotedMonitor();
    const left = [...answers];
    const execute = monitor.execute.bind(monitor);
    monitor.execute = async (command, parameters) => {
      const answer = await execute(command, parameters);
      const error = command === "device_del" ? left.shift() : undefined;
      if (error !== undefined) throw error;
      return answer;
    };
    monitor.expectEvent = () => ({
      within: async () => {
        throw KATA_DEADLINE(undefined);
      },
      forget: () => undefined,
    });
    return monitor;
  };

  it("leaves a device of which the guest does not let go as it is, until it does", async () => {
    const pending = KATA_QMP_REFUSED({ command: "x: Device device0 is already in the process of unplug" });
    const monitor = silent(undefined, pending, KATA_QMP_NO_DEVICE(undefined));
    for (const _ of [1, 2]) {
      const error = await failureOf(pullOut(monitor, served, "net1", 10));
      expect(codeOf(error)).to.equal("KATA_QEMU_DEVICE_STAYS");
      expect(messageOf(error)).to.match(/let go of the device "net1" within 50000 ms, so it stays/);
    }
    expect(monitor.commands).to.deep.equal(["device_del", "device_del"]);
    // It has let go meanwhile.
    await pullOut(monitor, served, "net1", 10);
    expect(monitor.commands.slice(2)).to.deep.equal(["device_del", "netdev_del"]);
  });

  it("says what QEMU says when it does not even ask the guest", async () => {
    const monitor = silent(KATA_QMP_REFUSED({ command: "device_del" }));
    expect(codeOf(await failureOf(pullOut(monitor, served, "net1", 1)))).to.equal("KATA_QMP_REFUSED");
    expect(monitor.commands).to.deep.equal(["device_del"]);
  });

  it("tries to undo everything, and tells of what it could not", async () => {
    const monitor = new NotedMonitor("device_add", "netdev_del");
    const error = await failureOf(plugIn(monitor, served, { by: "kvm", extraMs: 0 }));
    expect(monitor.commands.slice(-2)).to.deep.equal(["netdev_del", "chardev-remove"]);
    expect(error).to.be.instanceOf(AggregateError);
    expect((error as AggregateError).errors.map(messageOf)).to.deep.equal([
      "QEMU refuses device_add",
      "QEMU refuses netdev_del",
    ]);
  });

  it("takes descriptors back that no backend has", async () => {
    const early = new NotedMonitor("netdev_add", "closefd");
    expect(messageOf(await failureOf(plugIn(early, tap, { by: "kvm", extraMs: 0 })))).to.equal(
      "QEMU refuses netdev_add",
    );
    expect(early.commands).to.deep.equal(["getfd", "netdev_add", "closefd"]);
    const late = new NotedMonitor("device_add");
    await failureOf(plugIn(late, tap, { by: "kvm", extraMs: 0 }));
    expect(late.commands).to.deep.equal(["getfd", "netdev_add", "device_add", "netdev_del"]);
  });
});

describe("a disk of QEMU that gets another size", () => {
  const disk = (...nodes: string[]): DevicePlan => ({
    name: "device1",
    slot,
    parts: [
      ...nodes.map((id) => ({ kind: "blockdev", id, properties: {} }) as const),
      { kind: "device", properties: { driver: "virtio-blk-pci", id: "device1" } },
    ],
  });

  it("has it by the node that its device has, which tells the guest", async () => {
    const monitor = new NotedMonitor();
    await resizeDisk(monitor, disk("device1-disk", "device1-limited"), 8192);
    await resizeDisk(monitor, disk("device1-disk"), 4096);
    expect(monitor.asked).to.deep.equal([
      ["block_resize", { "node-name": "device1-limited", size: 8192 }],
      ["block_resize", { "node-name": "device1-disk", size: 4096 }],
    ]);
  });

  it("is refused as QEMU refuses it", async () => {
    const error = await failureOf(resizeDisk(new NotedMonitor("block_resize"), disk("device1-disk"), 4096));
    expect(codeOf(error)).to.equal("KATA_QMP_REFUSED");
  });
});
