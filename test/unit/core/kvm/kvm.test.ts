import {
  chmodSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import * as fc from "fast-check";
import { kvmRequests, kvmRegs, kvmSregs } from "../../../../src/core/kvm/abi.js";
import { guestLayout, guestMemory, guestSteps, writeProbeGuest } from "../../../../src/core/kvm/probe-guest.js";
import { type ProbeMessage, probeKvm } from "../../../../src/core/kvm/probe.js";
import { runKvmProbe } from "../../../../src/core/kvm/run-probe.js";
import { readVerdict, writeVerdict } from "../../../../src/core/kvm/verdict-cache.js";
import type { Devices } from "../../../../src/core/sys/devices.js";

const { createVm, getApiVersion, getVcpuMmapSize, run } = kvmRequests;

/** A KVM that answers `KVM_RUN` with what `onRun` writes into the shared `kvm_run`. */
function fakeKvm(onRun: (state: DataView) => void, version = 12) {
  const open = new Set<bigint>();
  const state = new Uint8Array(4096);
  const devices: Devices = {
    ioctl(_fd, request) {
      if (request === getApiVersion) return version;
      if (request === getVcpuMmapSize) return state.length;
      if (request === run) onRun(new DataView(state.buffer));
      // Descriptors that may be closed by who asked for them: any file does.
      return request === createVm || request === kvmRequests.createVcpu ? openNull() : 0;
    },
    map({ length, fd }) {
      const address = BigInt(open.size + 1);
      open.add(address);
      return {
        address,
        length,
        bytes: fd === undefined ? new Uint8Array(length) : state,
        unmap: () => void open.delete(address),
      };
    },
    mapOver: () => undefined,
    view: (_address, length) => new Uint8Array(length),
    discard: () => undefined,
  };
  return { devices, open };
}

const openNull = () => openSync("/dev/null", "r+");
const openDescriptors = () => readdirSync("/proc/self/fd").length;

/** Makes `KVM_RUN` look as if the guest wrote these values to its progress port, one a call. */
const writes =
  (...values: number[]) =>
  (state: DataView) => {
    state.setUint32(8, 2, true);
    state.setUint16(34, 0x10, true);
    state.setBigUint64(40, 1000n, true);
    state.setUint8(1000, values.shift() ?? 0xff);
  };

describe("the KVM probe guest", () => {
  it("fits its memory, with handlers where the gates point", () => {
    const memory = new Uint8Array(guestMemory);
    writeProbeGuest(memory);
    const { code, idt } = guestLayout;
    const gate = (vector: number) => memory[idt + vector * 16]! | (memory[idt + vector * 16 + 1]! << 8);
    expect(memory[gate(3)]).to.equal(0xff);
    expect(memory[gate(14)]).to.equal(0xff);
    expect([...memory.subarray(code, code + 4)]).to.deep.equal([0xb0, 0x01, 0xe6, 0x10]);
    // "lea rsi,[registers]" must point at the first register.
    const view = new DataView(memory.buffer);
    expect(view.getUint32(code + 0x1d + view.getInt32(code + 0x19, true), true)).to.equal(0xc0000080);
    expect([...memory.subarray(code + 0xaa, code + 0xaf)]).to.deep.equal([0xb0, 0xfe, 0xe6, 0x10, 0xf4]);
  });

  it("uses requests that carry the size of what they take", () => {
    expect((kvmRequests.setRegs >> 16) & 0x3fff).to.equal(kvmRegs.size);
    expect((kvmRequests.getSregs >>> 16) & 0x3fff).to.equal(kvmSregs.size);
    expect((kvmRequests.setSregs >> 16) & 0x3fff).to.equal(kvmSregs.size);
    expect((kvmRequests.setUserMemoryRegion >> 16) & 0x3fff).to.equal(32);
  });
});

describe("runKvmProbe", () => {
  it("names what each step tries, and leaves nothing open", () => {
    const { devices, open } = fakeKvm(writes(1, 2, 3, 4, 5, 6, 7, 0xff));
    const before = openDescriptors();
    const steps: string[] = [];
    expect(runKvmProbe(devices, "/dev/null", (step) => steps.push(step))).to.equal(undefined);
    expect(steps.slice(-guestSteps.length)).to.deep.equal([...guestSteps]);
    expect([open.size, openDescriptors()]).to.deep.equal([0, before]);
  });

  it("says what went wrong, and leaves nothing open", () => {
    const before = openDescriptors();
    const outcome = (onRun: (state: DataView) => void, version?: number) => {
      const { devices, open } = fakeKvm(onRun, version);
      const failure = runKvmProbe(devices, "/dev/null", () => undefined);
      expect([open.size, openDescriptors()]).to.deep.equal([0, before]);
      return failure;
    };
    expect(outcome(writes(1, 0xfe))).to.equal("the result is wrong");
    expect(outcome((state) => state.setUint32(8, 8, true))).to.equal("KVM_RUN ended with shutdown");
    expect(outcome((state) => (state.setUint32(8, 17, true), state.setUint32(32, 1, true)))).to.include(
      "internalError 1",
    );
    expect(outcome((state) => state.setUint32(8, 77, true))).to.include("exit reason 77");
    expect(outcome(() => undefined, 11)).to.include("version 11");
    const refused = outcome(() => {
      throw new Error("ioctl(KVM_RUN): EFAULT");
    });
    expect(refused).to.include("EFAULT");
    expect(runKvmProbe(fakeKvm(writes()).devices, "/nonexistent", () => undefined)).to.include("ENOENT");
  });
});

describe("probeKvm", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kvm-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const prober = (messages: ProbeMessage[], more = ""): [string, string, string] => {
    const file = join(directory, "prober");
    const lines = messages.map((message) => `echo '${JSON.stringify(message)}'`);
    writeFileSync(file, `echo run >>${directory}/runs\n${lines.join("\n")}\n${more}\n`);
    return ["/bin/sh", file, "-"];
  };
  const runs = () => readFileSync(join(directory, "runs"), "utf8").trim().split("\n").length;
  const options = (command: [string, ...string[]]) => ({
    device: "/dev/null",
    cacheFile: join(directory, "run/kvm.json"),
    command,
  });

  it("says yes after a guest has run, and keeps that, readable by nobody else", async () => {
    const command = prober([{ step: "open it" }, { done: true }]);
    const yes = { usable: true, reason: "it ran a probe guest" };
    expect(await probeKvm(options(command))).to.deep.equal(yes);
    expect(await probeKvm(options(command))).to.deep.equal(yes);
    expect(runs()).to.equal(1);
    expect(statSync(join(directory, "run/kvm.json")).mode & 0o777).to.equal(0o600);
  });

  it("says no with what was tried and what happened", async () => {
    const command = prober([{ step: "run SSE instructions" }, { failure: "KVM_RUN ended with internalError 1" }]);
    const verdict = await probeKvm(options(command));
    expect(verdict.usable).to.equal(false);
    expect(verdict.reason).to.include("run SSE instructions").and.include("internalError 1");
    await probeKvm(options(command));
    expect(runs()).to.equal(1);
  });

  it("ends a guest that hangs, and says in which step", async () => {
    const command = prober([{ step: "take an int3 exception" }], "exec sleep 100");
    const verdict = await probeKvm({ ...options(command), runMs: 100 });
    expect(verdict.usable).to.equal(false);
    expect(verdict.reason).to.include("take an int3 exception").and.include("100 ms");
    const kept: unknown = JSON.parse(readFileSync(join(directory, "run/kvm.json"), "utf8"));
    expect(kept).to.have.property("until").that.is.a("number");
  });

  it("shows the words of a prober that cannot start, and keeps nothing", async () => {
    const verdict = await probeKvm(options(prober([], "echo no module koffi >&2; exit 1")));
    expect(verdict.usable).to.equal(false);
    expect(verdict.reason).to.include("no module koffi");
    const early = await probeKvm(options(prober([{ failure: "the kernel cannot be called" }])));
    expect(early.reason).to.include("could not be tried").and.include("the kernel cannot be called");
    expect(existsSync(join(directory, "run/kvm.json"))).to.equal(false);
  });

  it("needs no process where there is no device", async () => {
    const verdict = await probeKvm({ ...options(prober([{ done: true }])), device: join(directory, "kvm") });
    expect(verdict.usable).to.equal(false);
    expect(verdict.reason).to.include("there is no").and.include("kvm_intel");
    expect(existsSync(join(directory, "runs"))).to.equal(false);
  });

  it("goes on without a cache when it cannot be written", async () => {
    writeFileSync(join(directory, "run"), "");
    expect((await probeKvm(options(prober([{ done: true }])))).usable).to.equal(true);
  });
});

describe("a kept verdict", () => {
  let file: string;
  beforeEach(() => {
    file = join(mkdtempSync(join(tmpdir(), "kvm-")), "kvm.json");
  });
  afterEach(() => rmSync(join(file, ".."), { recursive: true }));
  const verdict = { usable: true, reason: "it ran" };

  it("holds for this host and as long as it says", () => {
    writeVerdict(file, "host", verdict, 1000);
    expect(readVerdict(file, "host")).to.deep.equal(verdict);
    expect(readVerdict(file, "another")).to.equal(undefined);
    expect(readVerdict(file, "host", Date.now() + 60_000)).to.equal(undefined);
  });

  it("is not believed where others could have written it", () => {
    writeVerdict(file, "host", verdict);
    chmodSync(file, 0o644);
    expect(readVerdict(file, "host")).to.equal(undefined);
    chmodSync(file, 0o600);
    symlinkSync(file, `${file}.link`);
    expect(readVerdict(`${file}.link`, "host")).to.equal(undefined);
  });

  it("is not there when the file holds anything else", () => {
    const property = fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      writeFileSync(file, text, { mode: 0o600 });
      expect(readVerdict(file, "host")).to.equal(undefined);
    });
    fc.assert(property, { numRuns: 50 });
  });
});
