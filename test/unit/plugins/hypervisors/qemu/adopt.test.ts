import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import * as fc from "fast-check";
import { hypervisorKeys } from "../../../../../src/core/config/keys/hypervisor.js";
import { defaultsOf } from "../../../../../src/core/config/keys/key.js";
import type { Device } from "../../../../../src/core/contracts/device.js";
import { codeOf } from "../../../../../src/core/errors/error.js";
import { formatState, parseState } from "../../../../../src/core/sandbox/state-text.js";
import { MmioBus, PciBus, type VirtioBus } from "../../../../../src/plugins/hypervisors/qemu/bus.js";
import { DeviceSet } from "../../../../../src/plugins/hypervisors/qemu/device-set.js";
import {
  addressOf,
  type DeviceSetState,
  type MachineState,
  parseMachineState,
} from "../../../../../src/plugins/hypervisors/qemu/machine-state.js";
import { makeMachine, never, removeMachines } from "./machine.js";

const settings = defaultsOf(hypervisorKeys);
let directory: string;
let disk: string;

const setOn = (bus: VirtioBus): DeviceSet => new DeviceSet(bus, settings, 1, () => 7);
const buses: Readonly<Record<string, () => VirtioBus>> = { q35: () => new PciBus(2), microvm: () => new MmioBus() };

function deviceOf(kind: number, id: string): Device {
  if (kind === 0) return { kind: "block", id, path: disk, readOnly: false, driver: "virtio-scsi" };
  if (kind === 1) return { kind: "fs", id, tag: "t", socket: "/s", queueSize: 1024, cacheSizeMiB: 0 };
  const hardwareAddress = "02:00:00:00:00:01";
  return { kind: "net", id, hardwareAddress, tapFds: [19], queueSize: 256, vhost: false };
}

/** As it comes back from the disk. */
const readBack = (state: object): DeviceSetState => parseState(formatState(state)) as DeviceSetState;

describe("a machine of QEMU that is adopted", () => {
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "adopt-"));
    disk = join(directory, "disk");
    writeFileSync(disk, Buffer.alloc(4096));
  });
  after(() => {
    rmSync(directory, { recursive: true });
    removeMachines();
  });

  for (const [machine, bus] of Object.entries(buses)) {
    it(`has its devices where they were, and puts others elsewhere (${machine})`, () => {
      const actions = fc.array(fc.tuple(fc.nat(2), fc.boolean()), { maxLength: 6 });
      fc.assert(
        fc.property(actions, actions, (before, after) => {
          const [original, adopted] = [setOn(bus()), setOn(bus())];
          const play = (set: DeviceSet, steps: readonly (readonly [number, boolean])[], from: number) =>
            steps.map(([kind, stays], index) => {
              const id = `d${from + index}`;
              // With too many of them either has no room any more.
              const { guestLocator } = set.addCold(deviceOf(kind, id));
              const { name, slot } = set.get(id).plan;
              if (!stays) set.remove(id);
              return { guestLocator, name, place: slot.place };
            });
          play(original, before, 0);
          adopted.adopt(readBack(original.state()));
          expect(adopted.state()).to.deep.equal(readBack(original.state()));
          // The order in which slots are given again is its own; that none has two devices is what counts.
          play(adopted, after.slice(0, 1), before.length);
          const places = adopted
            .list()
            .flatMap(({ plan }) => ("bus" in plan.slot.place ? [JSON.stringify(plan.slot.place)] : []));
          expect(new Set(places).size).to.equal(places.length);
          const names = adopted.list().map(({ plan }) => plan.name);
          expect(new Set(names).size).to.equal(names.length);
          for (const { device } of adopted.list()) adopted.remove(device.id);
          expect(adopted.list()).to.deep.equal([]);
        }),
      );
    });
  }

  it("keeps no descriptor of the process that made it", () => {
    const set = setOn(new PciBus(1));
    set.addCold(deviceOf(2, "eth0"));
    expect(readBack(set.state()).devices[0]?.device).to.deep.include({ kind: "net", tapFds: [] });
  });

  it("has each slot once: another one is refused", () => {
    const set = setOn(new PciBus(1));
    set.addCold(deviceOf(1, "share"));
    const state = set.state();
    const [one] = state.devices;
    if (one === undefined) throw new Error("there is no device");
    for (const place of [one.place, { bus: "pcie.0", addr: "0x63" }, { bus: "elsewhere", addr: "0x01" }]) {
      const other = { ...one, device: { ...one.device, id: "other" }, name: "device9", place };
      const adopt = () => setOn(new PciBus(1)).adopt({ ...state, devices: [one, other] });
      expect(adopt)
        .to.throw(/the slot .* is not one, or not free/)
        .that.satisfies((error: unknown) => codeOf(error) === "KATA_HYPERVISOR_DEVICE");
    }
  });

  const known: MachineState = {
    cid: 70_000,
    sockets: ["qmp", "console", "port-1024"],
    program: "/usr/bin/qemu-system-x86_64",
    kernel: "/vmlinuz",
    accelerator: { kind: "tcg", reason: "", machineOptions: [] },
    vcpus: 1,
    memoryMiB: 2048,
    fixedSize: false,
    sharesMemory: true,
    devices: { devices: [], names: 0, disks: 1, units: { taken: 0, free: [] } },
  };

  it("is reached as it was", () => {
    expect(addressOf(parseMachineState(known), "/run/x")).to.deep.equal({ kind: "vsock", cid: 70_000 });
    const { cid: _cid, ...serial } = known;
    expect(addressOf(parseMachineState(serial), "/run/x")).to.deep.equal({
      kind: "virtio-serial",
      directory: "/run/x",
    });
  });

  it("is refused when its state is not one", () => {
    const wrong: readonly object[] = [
      { cid: 2 },
      { sockets: ["../../etc/passwd"] },
      { sockets: ["qmp.sock"] },
      { program: 1 },
      { accelerator: { kind: "hvf" } },
      { memoryMiB: -1 },
      { vcpus: 0.5 },
      { fixedSize: 1 },
      { sharesMemory: "yes" },
      { devices: {} },
      { devices: { ...known.devices, devices: [{ name: "x" }] } },
      { devices: { ...known.devices, units: { taken: 0, free: ["a"] } } },
    ];
    for (const more of wrong) {
      expect(() => parseMachineState({ ...known, ...more }), JSON.stringify(more))
        .to.throw()
        .that.satisfies((error: unknown) => codeOf(error) === "KATA_RECOVER_PART");
    }
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => parseMachineState(value)).to.throw(/the machine of QEMU cannot be taken over/);
      }),
    );
  });

  it("is refused when its QEMU does not run any more", async () => {
    const { machine, record } = await makeMachine({});
    const adopting = machine.capability("adopt");
    const attempt = (): Promise<unknown> | undefined => adopting?.adopt(known, never).catch((error: unknown) => error);
    expect(await attempt()).to.include({ code: "KATA_QEMU_GONE" });
    record.process("qemu").started(2 ** 22 + 1);
    expect(await attempt()).to.include({ code: "KATA_QEMU_GONE" });
    await machine.destroy(new Error("the test is over"));
  });

  it("is left alone when its monitor does not answer", async () => {
    const { machine, record, runDirectory } = await makeMachine({});
    // A process that is no QEMU: this one.
    record.process("qemu").started(process.pid);
    const error = await machine
      .capability("adopt")
      ?.adopt(known, never)
      .catch((failure: unknown) => failure);
    expect(error).to.include({ code: "KATA_QEMU_ADOPT" });
    expect(String(error)).to.include(`(pid ${process.pid}) runs, and cannot be taken over`);
    expect(String((error as Error).cause)).to.include(join(runDirectory, "console.sock"));
    await machine.destroy(new Error("the test is over"));
  });
});
