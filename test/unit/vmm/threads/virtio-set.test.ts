import { expect } from "chai";
import { readdirSync } from "node:fs";
import { codeOf, messageOf } from "../../../../src/core/errors/error.js";
import { silentLogger } from "../../../../src/core/log.js";
import { createLinuxSys } from "../../../../src/core/sys/linux/index.js";
import { Bus } from "../../../../src/vmm/bus/bus.js";
import { mostSlots } from "../../../../src/vmm/machine/layout.js";
import type { DeviceSpec } from "../../../../src/vmm/threads/device-spec.js";
import { InterruptStatus } from "../../../../src/vmm/threads/interrupt-status.js";
import { VirtioSet } from "../../../../src/vmm/threads/virtio-set.js";
import type { VirtioDevice } from "../../../../src/vmm/virtio/device.js";
import { MemfdMemory } from "../../../support/vmm/memfd-memory.js";

const sys = createLinuxSys();

/** Where slots are. */
const base = 0xd0000000;
const stride = 0x1000;

/** A device of two queues that notes its end. */
const deviceOf = (id: string, log: string[]): VirtioDevice => ({
  kind: 4,
  name: id,
  features: 0n,
  queueSizes: [8, 8],
  configuration: new Uint8Array(0),
  activate: () => undefined,
  notify: () => undefined,
  reset: () => void log.push(`reset ${id}`),
  close: () => void log.push(`close ${id}`),
});

const entropy = (id: string): DeviceSpec => ({ kind: "entropy", id });

describe("the virtio devices of a machine", () => {
  let memory: MemfdMemory;
  let bus: Bus;
  let set: VirtioSet;
  let log: string[];
  /** What KVM knows of. */
  let connected: Set<string>;
  let refused: string | undefined;
  let descriptors: number;

  const connect = (name: string): void => {
    if (name === refused) throw new Error(`no ${name}`);
    expect(connected.has(name), name).to.equal(false);
    connected.add(name);
  };
  const disconnect = (name: string): void => void expect(connected.delete(name), name).to.equal(true);
  const wires = {
    connectLine: (line: number) => connect(`line ${line}`),
    disconnectLine: (line: number) => disconnect(`line ${line}`),
    connectWrite: (address: number, value: number) => connect(`0x${address.toString(16)} ${value}`),
    pulseLine: () => expect.fail("no driver is there to interrupt"),
    disconnectWrite: (address: number, value: number) => disconnect(`0x${address.toString(16)} ${value}`),
  };

  const idAt = (slot: number): number => {
    const into = new Uint8Array(4);
    bus.read(base + slot * stride + 8, into);
    return new DataView(into.buffer).getUint32(0, true);
  };
  const openDescriptors = (): number => readdirSync("/proc/self/fd").length;

  beforeEach(() => {
    descriptors = openDescriptors();
    [log, connected, refused] = [[], new Set(), undefined];
    memory = new MemfdMemory(sys, 0x10000);
    bus = new Bus();
    const interrupts = new InterruptStatus(new SharedArrayBuffer(mostSlots * 4));
    const make = async (_: unknown, { id }: DeviceSpec): Promise<VirtioDevice> => {
      if (id.startsWith("bad")) throw new Error(`${id} cannot be made`);
      return deviceOf(id, log);
    };
    const memoryPlugged = (): void => expect.fail("there is no memory to plug");
    set = new VirtioSet({ sys, log: silentLogger, memory, memoryPlugged, bus, wires, interrupts, make });
  });

  afterEach("nothing is left", async () => {
    await set.close();
    memory.close();
    // A watch gives its own descriptor back a turn of the event loop later.
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(openDescriptors()).to.equal(descriptors);
  });

  it("have slots that are there from the start, and empty", () => {
    expect(Array.from({ length: mostSlots }, (_, slot) => idAt(slot))).to.deep.equal(Array(mostSlots).fill(0));
    expect(idAt(mostSlots)).to.equal(0xffffffff);
  });

  it("come and go while others stay, again and again in one slot", async () => {
    await set.add({ slot: 0, spec: entropy("stays") });
    for (let round = 0; round < 3; round++) {
      await set.add({ slot: 1, spec: entropy("guest") });
      expect([idAt(0), idAt(1), idAt(2)]).to.deep.equal([4, 4, 0]);
      expect(connected.size).to.equal(8);
      await set.remove("guest");
      expect([idAt(0), idAt(1)]).to.deep.equal([4, 0]);
      expect([...connected]).to.deep.equal(["0xd0000050 0", "0xd0000050 1", "0xd0000064 1", "line 5"]);
    }
    expect(log).to.deep.equal(Array(3).fill("close guest"));
    expect(await set.remove("guest").catch(codeOf)).to.equal("KATA_VMM_DEVICE_UNKNOWN");
  });

  it("leave nothing of one that cannot be made or wired up", async () => {
    expect(await set.add({ slot: 0, spec: entropy("bad one") }).catch(messageOf)).to.equal("bad one cannot be made");
    for (const wire of ["0xd0000050 1", "0xd0000064 1", "line 5"]) {
      refused = wire;
      expect(await set.add({ slot: 0, spec: entropy("one") }).catch(messageOf)).to.equal(`no ${wire}`);
      expect([idAt(0), connected.size]).to.deep.equal([0, 0]);
    }
    refused = undefined;
    await set.add({ slot: 0, spec: entropy("one") });
    expect(log).to.deep.equal(["close one", "close one", "close one"]);
  });

  it("close the taps of a card that cannot be made", async () => {
    const taps = [sys.descriptors.eventfd(), sys.descriptors.eventfd()];
    const spec: DeviceSpec = { kind: "card", id: "bad card", mac: "02:00:00:00:00:01", taps };
    expect(await set.add({ slot: 0, spec }).catch(messageOf)).to.include("bad card");
    expect(await set.add({ slot: mostSlots, spec: { ...spec, taps: [] } }).catch(codeOf)).to.equal("KATA_VMM_SLOTS");
  });
});
