import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { withDeadline } from "../../../src/core/deadline.js";
import { codeOf, messageOf } from "../../../src/core/errors/error.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import type { MicroVmEnd, MicroVmSpec } from "../../../src/vmm/machine-spec.js";
import { MicroVm } from "../../../src/vmm/micro-vm.js";
import type { DeviceSpec } from "../../../src/vmm/threads/device-spec.js";
import { needsKvmDevice } from "../../support/needs-kvm.js";
import { linkOf } from "../../support/descriptors.js";
import { code, tinyKernel } from "../../support/tiny-guest.js";

/** KVM that cannot run a whole kernel runs these guests: they have no more than a dozen different instructions. */
describe("a machine in this process", () => {
  const sys = createLinuxSys();
  const machines: MicroVm[] = [];
  let shown = "";
  let before_: readonly string[];

  const threads = (): string[] => readdirSync("/proc/self/task");

  before(function () {
    needsKvmDevice(this);
  });

  beforeEach(() => {
    shown = "";
    before_ = threads();
  });

  afterEach("nothing is left", async () => {
    for (const machine of machines.splice(0)) await machine.stop();
    const names = readdirSync("/proc/self/fd").map((fd) => linkOf(`/proc/self/fd/${fd}`));
    expect(names.filter((name) => /kvm|kata-ts-guest|eventfd.*kata/.test(name))).to.deep.equal([]);
    expect(threads().length, "threads").to.be.at.most(before_.length);
  });

  const make = async (pieces: readonly number[][], more: Partial<MicroVmSpec> = {}): Promise<MicroVm> => {
    const machine = new MicroVm(sys, {
      vcpus: 1,
      memoryMiB: 16,
      kernel: tinyKernel(...pieces),
      commandLine: "",
      onConsole: (bytes) => (shown += Buffer.from(bytes).toString("latin1")),
      ...more,
    });
    machines.push(machine);
    await machine.start();
    return machine;
  };

  const endOf = ({ exited }: MicroVm): Promise<MicroVmEnd> =>
    withDeadline({ ms: 20_000, what: "the machine to end", context: () => shown }, () => exited);

  const shows = (text: string): Promise<void> =>
    withDeadline({ ms: 20_000, what: `${text} on the console`, context: () => shown }, async (signal) => {
      while (!shown.includes(text)) {
        signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });

  it("writes to its console, and turns itself off", async () => {
    const machine = await make([code.say("hello\n"), code.powerOff(), code.halt()]);
    expect(await endOf(machine)).to.deep.equal({ kind: "powered off" });
    await machine.stop();
    expect(shown).to.equal("hello\n");
  });

  it("resets itself", async () => {
    expect(await endOf(await make([code.reset(), code.halt()]))).to.deep.equal({ kind: "reset" });
  });

  it("ends when its processor cannot go on", async () => {
    const end = await endOf(await make([code.crash()]));
    expect(end.kind).to.be.oneOf(["shut down", "failed"]);
  });

  it("hangs nobody when it spins, and is paused and stopped all the same", async () => {
    const machine = await make([code.say("on"), code.spin()]);
    await shows("on");
    await machine.pause();
    machine.resume();
    await machine.pause();
    await machine.stop();
    expect(await machine.exited).to.deep.equal({ kind: "stopped" });
  });

  it("is stopped while it waits for an interrupt that never comes", async () => {
    const machine = await make([code.say("on"), code.halt()]);
    await shows("on");
    await machine.stop();
    expect(await machine.exited).to.deep.equal({ kind: "stopped" });
  });

  for (const guest of ["spins", "waits"]) {
    it(`does not keep its process from exiting while its guest ${guest}`, async () => {
      const program = fileURLToPath(new URL("./exiting-machine.js", import.meta.url));
      const statusOf = (end: string): number | null =>
        spawnSync(process.execPath, [program, guest, end], { timeout: 20_000, killSignal: "SIGKILL" }).status;
      expect([statusOf("exit"), statusOf("error")]).to.deep.equal([7, 1]);
    });
  }

  it("takes no share of a daemon that cannot have its memory, and says what to do", async () => {
    const machine = await make([code.say("on"), code.halt()]);
    const share = { kind: "share", id: "share", socket: "/no/daemon", tag: "kata", queueSize: 64 } as const;
    const error = await machine.plug(share).catch((error_: unknown) => error_);
    expect(codeOf(error)).to.equal("KATA_VMM_DEVICE");
    expect(messageOf(error)).to.include("sharedMemory");
  });

  it("has its devices where they are said to be, and nothing elsewhere", async () => {
    const directory = mkdtempSync(join(tmpdir(), "kata-ts-vmm-"));
    try {
      const path = join(directory, "disk");
      writeFileSync(path, Buffer.alloc(4096));
      const devices = [
        { kind: "disk", id: "one", path, readOnly: true },
        { kind: "entropy", id: "two" },
      ] as const;
      const at = (slot: number, register: number) => [
        ...code.load(0xd0000000 + slot * 0x1000 + register),
        ...code.sayWord(),
      ];
      const asked = [at(0, 0), at(0, 8), at(1, 8), at(2, 0), at(2, 8), at(19, 0)];
      const machine = await make([...asked, code.powerOff(), code.halt()], { devices });
      await endOf(machine);
      await machine.stop();
      const words = Buffer.from(shown, "latin1");
      expect([0, 12].map((start) => words.subarray(start, start + 4).toString())).to.deep.equal(["virt", "virt"]);
      expect([4, 8, 16, 20].map((start) => words.readUInt32LE(start))).to.deep.equal([2, 4, 0, 0xffffffff]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("ends with the reason when its devices' thread has died, also while its processor waits for a device", async () => {
    const ask = code.load(0xd0000000);
    const jumpBack = [0xeb, 256 - 2 - ask.length];
    const devices = [{ kind: "entropy", id: "one" }] as const;
    const machine = await make([code.say("on"), [...ask, ...jumpBack]], { devices });
    await shows("on");
    // What no caller may give is one way for a thread to die.
    machine.input(undefined as unknown as Uint8Array);
    const end = await endOf(machine);
    expect(end).to.have.property("kind", "failed");
    expect(end).to.have.property("why").that.includes("its devices: ");
    await machine.stop();
  });

  describe("that fails to start", () => {
    let directory: string;
    let files: number;

    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), "kata-ts-vmm-"));
      writeFileSync(join(directory, "disk"), Buffer.alloc(4096));
      files = readdirSync("/proc/self/fd").length;
    });
    afterEach(() => rmSync(directory, { recursive: true }));

    /** A device of each kind that holds something of the host, around one that cannot be made. */
    const devices = (bad: DeviceSpec): DeviceSpec[] => {
      const card = (id: string) =>
        ({ kind: "card", id, mac: "02:00:00:00:00:01", taps: [sys.descriptors.eventfd()] }) as const;
      return [
        { kind: "disk", id: "one", path: join(directory, "disk"), readOnly: false },
        { kind: "vsock", id: "two", cid: 3, path: join(directory, "vsock") },
        card("three"),
        bad,
        card("five"),
      ];
    };

    const nothingLeft = async (more: Partial<MicroVmSpec>): Promise<unknown> => {
      const error: unknown = await make([code.halt()], more).catch((cause: unknown) => cause);
      for (const machine of machines.splice(0)) await machine.stop();
      expect(readdirSync(directory)).to.deep.equal(["disk"]);
      expect(readdirSync("/proc/self/fd").length, "open files").to.equal(files);
      return error;
    };

    it("says which device cannot be made, and leaves nothing", async () => {
      const bad = { kind: "disk", id: "gone", path: "/no/such/disk", readOnly: true } as const;
      expect(String(await nothingLeft({ devices: devices(bad) }))).to.include("/no/such/disk");
    });

    it("leaves nothing of a card that none can be", async () => {
      const bad = { kind: "card", id: "four", mac: "nothing", taps: [sys.descriptors.eventfd()] } as const;
      expect(String(await nothingLeft({ devices: devices(bad) }))).to.include("nothing");
    });

    it("leaves nothing when its kernel is none", async () => {
      const bad = { kind: "entropy", id: "four" } as const;
      const kernel = { name: "no kernel", bytes: Buffer.from("no kernel") };
      expect(String(await nothingLeft({ devices: devices(bad), kernel }))).to.include("no kernel");
    });

    it("leaves nothing when it is stopped while its devices are made, and does not run", async () => {
      const good = { kind: "entropy", id: "four" } as const;
      const machine = new MicroVm(sys, {
        vcpus: 1,
        memoryMiB: 16,
        kernel: tinyKernel(code.say("on"), code.halt()),
        commandLine: "",
        onConsole: (bytes) => (shown += Buffer.from(bytes).toString("latin1")),
        devices: devices(good),
      });
      const started = machine.start().catch((error: unknown) => error);
      await machine.stop();
      expect(codeOf(await started)).to.equal("KATA_VMM_STOPPED");
      expect(shown).to.equal("");
      expect(readdirSync(directory)).to.deep.equal(["disk"]);
      expect(readdirSync("/proc/self/fd").length, "open files").to.equal(files);
    });
  });
});
