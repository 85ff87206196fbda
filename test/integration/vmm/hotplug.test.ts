import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { withDeadline } from "../../../src/core/deadline.js";
import { codeOf } from "../../../src/core/errors/error.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { KvmMachine } from "../../../src/vmm/kvm/kvm-machine.js";
import type { MicroVmSpec } from "../../../src/vmm/machine-spec.js";
import { MicroVm } from "../../../src/vmm/micro-vm.js";
import type { DeviceSpec } from "../../../src/vmm/threads/device-spec.js";
import { VcpuSet } from "../../../src/vmm/threads/vcpu-set.js";
import { needsKvmDevice } from "../../support/needs-kvm.js";
import { linkOf } from "../../support/descriptors.js";
import { code, tinyKernel } from "../../support/tiny-guest.js";

/** The register DeviceID of a slot. */
const deviceId = (slot: number): number => 0xd0000000 + slot * 0x1000 + 8;

/** Without those that libuv keeps in reserve for each loop that has had a stream. */
const openFiles = (): number =>
  readdirSync("/proc/self/fd").filter((fd) => linkOf(`/proc/self/fd/${fd}`) !== "/dev/null").length;

describe("plugging into a machine in this process", () => {
  const sys = createLinuxSys();
  let directory: string;
  let machine: MicroVm | undefined;
  let shown: string;
  let files: number;

  before(function () {
    needsKvmDevice(this);
  });

  beforeEach(() => {
    [shown, machine] = ["", undefined];
    directory = mkdtempSync(join(tmpdir(), "kata-ts-plug-"));
    writeFileSync(join(directory, "disk"), Buffer.alloc(4096));
    files = openFiles();
  });

  afterEach("nothing is left", async () => {
    await machine?.stop();
    rmSync(directory, { recursive: true });
    await settle(() => openFiles() <= files, "all files to be closed");
  });

  const disk = (id: string): DeviceSpec => ({ kind: "disk", id, path: join(directory, "disk"), readOnly: true });

  const start = async (pieces: readonly number[][], more: Partial<MicroVmSpec> = {}): Promise<MicroVm> => {
    machine = new MicroVm(sys, {
      vcpus: 1,
      memoryMiB: 16,
      kernel: tinyKernel(...pieces),
      commandLine: "",
      onConsole: (bytes) => (shown += Buffer.from(bytes).toString("latin1")),
      ...more,
    });
    await machine.start();
    return machine;
  };

  const settle = (done: () => boolean, what: string): Promise<void> =>
    withDeadline({ ms: 20_000, what, context: () => shown }, async (signal) => {
      while (!done()) {
        signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });

  const shows = (text: string): Promise<void> => settle(() => shown === text, `${text} on the console`);

  it("has a device come and go before the eyes of its guest", async () => {
    const round = [code.untilEqual(deviceId(1), 2), code.say("+"), code.untilEqual(deviceId(1), 0), code.say("-")];
    const running = await start([code.say("on"), ...round, ...round, code.powerOff(), code.halt()], {
      devices: [{ kind: "entropy", id: "entropy" }],
    });
    await shows("on");
    await running.plug(disk("one"));
    await shows("on+");
    expect(await running.plug(disk("one")).catch(codeOf)).to.equal("KATA_VMM_DEVICE_EXISTS");
    await running.unplug("one");
    await shows("on+-");
    expect(await running.unplug("one").catch(codeOf)).to.equal("KATA_VMM_DEVICE_UNKNOWN");
    await running.plug(disk("two"));
    await shows("on+-+");
    await running.unplug("two");
    expect(await running.exited).to.deep.equal({ kind: "powered off" });
    await running.stop();
    expect(shown).to.equal("on+-+-");
  });

  it("takes out what it was started with, whatever its driver is at", async () => {
    const running = await start([code.say("on"), code.untilEqual(deviceId(0), 0), code.say("-"), code.halt()], {
      devices: [disk("first")],
    });
    await shows("on");
    await running.unplug("first");
    await shows("on-");
  });

  it("gives all back of what came and went ten times", async () => {
    const running = await start([code.say("on"), code.spin()]);
    await shows("on");
    await running.plug(disk("warm"));
    await running.unplug("warm");
    const before_ = openFiles();
    for (let round = 0; round < 10; round++) {
      await running.plug(disk("one"));
      await running.plug({ kind: "entropy", id: "two" });
      await running.unplug("one");
      await running.unplug("two");
    }
    await settle(() => openFiles() === before_, `${before_} open files`);
  });

  it("says what cannot be plugged in, and goes on", async () => {
    const running = await start([code.say("on"), code.untilEqual(deviceId(0), 4), code.say("+"), code.halt()]);
    await shows("on");
    const gone = { ...disk("gone"), path: join(directory, "no such disk") } as DeviceSpec;
    const error: unknown = await running.plug(gone).catch((cause: unknown) => cause);
    expect([codeOf(error), String(error)].join())
      .to.include("KATA_VMM_DEVICE")
      .and.include("no such disk");
    await running.plug({ kind: "entropy", id: "entropy" });
    await shows("on+");
  });

  it("has no more devices than slots", async () => {
    const running = await start([code.spin()]);
    for (let slot = 0; slot < 19; slot++) await running.plug({ kind: "entropy", id: `entropy${slot}` });
    expect(await running.plug(disk("one")).catch(codeOf)).to.equal("KATA_VMM_SLOTS");
    await running.unplug("entropy7");
    await running.plug(disk("one"));
  });

  it("neither plugs nor unplugs what its guest does not answer for, unless by force", async () => {
    const guest = [code.say("on"), code.untilEqual(deviceId(0), 0), code.say("-"), code.halt()];
    const vsock = { kind: "vsock", id: "vsock", cid: 3, path: join(directory, "vsock") } as const;
    const running = await start(guest, { devices: [disk("first"), vsock], guestMs: 50 });
    await shows("on");
    expect(await running.plug(disk("one")).catch(codeOf)).to.equal("KATA_UPCALL_SILENT");
    expect(await running.unplug("one").catch(codeOf)).to.equal("KATA_VMM_DEVICE_UNKNOWN");
    expect(await running.unplug("first").catch(codeOf)).to.equal("KATA_UPCALL_SILENT");
    expect(await running.resizeVcpus(2).catch(codeOf)).to.equal("KATA_VMM_VCPUS");
    expect(await running.unplug("vsock", { force: true }).catch(codeOf)).to.equal("KATA_VMM_DEVICE_STAYS");
    expect(shown).to.equal("on");
    await running.unplug("first", { force: true });
    await shows("on-");
  });

  it("ends while its guest is being told, and whoever plugs hears of it", async () => {
    const vsock = { kind: "vsock", id: "vsock", cid: 3, path: join(directory, "vsock") } as const;
    const running = await start([code.say("on"), code.untilEqual(deviceId(1), 2), code.say("+"), code.halt()], {
      devices: [vsock],
    });
    await shows("on");
    const plugging = running.plug(disk("one")).catch((error: unknown) => error);
    const unplugging = running.unplug("one").catch(codeOf);
    await shows("on+");
    await running.stop();
    const error = await plugging;
    const codes = error instanceof AggregateError ? error.errors.map(codeOf) : [codeOf(error)];
    expect(codes).to.include("KATA_UPCALL_CLOSED");
    expect(await unplugging).to.equal("KATA_VMM_NOT_RUNNING");
  });

  it("takes nothing before it runs, and after its end", async () => {
    machine = new MicroVm(sys, { vcpus: 1, memoryMiB: 16, kernel: tinyKernel(code.halt()), commandLine: "" });
    for (let round = 0; round < 2; round++) {
      expect(await machine.plug(disk("one")).catch(codeOf)).to.equal("KATA_VMM_NOT_RUNNING");
      expect(await machine.unplug("one").catch(codeOf)).to.equal("KATA_VMM_NOT_RUNNING");
      expect(await machine.resizeVcpus(1).catch(codeOf)).to.equal("KATA_VMM_NOT_RUNNING");
      await machine.stop();
    }
  });

  it("has vCPUs whose threads begin, end, and begin again", async () => {
    const kvm = new KvmMachine(sys);
    const wake = sys.descriptors.eventfd();
    const ends: unknown[] = [];
    const vcpus = new VcpuSet({
      sys,
      kvm,
      wake,
      interrupts: new SharedArrayBuffer(19 * 4),
      most: 4,
      ended: (id, end) => ends.push([id, end.kind === "failed" ? end.why : end.kind]),
    });
    const names = (): string[] =>
      readdirSync("/proc/self/task")
        .map((task) => readFileSync(`/proc/self/task/${task}/comm`, "latin1").trim())
        .filter((name) => name.startsWith("kata-vcpu"))
        .sort();
    const become = (...expected: string[]) => settle(() => names().join() === expected.join(), expected.join());
    try {
      for (const id of [1, 2]) await vcpus.start(id);
      await become("kata-vcpu1", "kata-vcpu2");
      await vcpus.park(1);
      expect(names()).to.deep.equal(["kata-vcpu2"]);
      await vcpus.park(1);
      await vcpus.pause();
      await vcpus.start(1);
      vcpus.resume();
      await become("kata-vcpu1", "kata-vcpu2");
      expect([vcpus.threads.length, [...ends]]).to.deep.equal([2, []]);
      await vcpus.park(2);
      expect(await vcpus.stop()).to.deep.equal([]);
      await settle(() => ends.length === 2, "both ends");
      expect(await vcpus.start(3).catch(codeOf)).to.equal("KATA_VMM_NOT_RUNNING");
      expect(names()).to.deep.equal([]);
    } finally {
      await vcpus.stop();
      sys.descriptors.close(wake);
      kvm.close();
    }
  });
});
