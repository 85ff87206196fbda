import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { withDeadline } from "../../../src/core/deadline.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import type { MicroVmSpec, RestoredVmSpec } from "../../../src/vmm/machine-spec.js";
import { MicroVm } from "../../../src/vmm/micro-vm.js";
import type { DeviceSpec } from "../../../src/vmm/threads/device-spec.js";
import { needsKvmDevice } from "../../support/needs-kvm.js";
import { code, tinyKernel } from "../../support/tiny-guest.js";
import { rejected } from "../../unit/core/sys/fixture.js";

/** A word of the guest's memory, and one whose page it never touches. */
const counter = 0x200000;

/** Counts in its memory, and writes each number to its console, four bytes of it. */
const counting = [...code.count(counter), ...code.sayWord()];

/** A machine with what it has written to its console. */
interface Shown {
  readonly machine: MicroVm;
  readonly bytes: () => Buffer;
}

describe("a machine that is saved", () => {
  const sys = createLinuxSys();
  const machines: MicroVm[] = [];
  let directory: string;
  let place: string;
  let threads: number;

  before(function () {
    needsKvmDevice(this);
  });

  beforeEach(() => {
    threads = readdirSync("/proc/self/task").length;
    directory = mkdtempSync(join(tmpdir(), "kata-ts-snapshot-"));
    place = join(directory, "saved");
    sys.files.mkdirBeneath(directory, "saved", 0o700);
  });

  afterEach("nothing is left", async () => {
    for (const machine of machines.splice(0)) await machine.stop();
    rmSync(directory, { recursive: true });
    expect(readdirSync("/proc/self/task").length, "threads").to.be.at.most(threads);
  });

  const shown = (make: (onConsole: (bytes: Uint8Array) => void) => MicroVm): Shown => {
    const pieces: Uint8Array[] = [];
    const machine = make((bytes) => pieces.push(bytes));
    machines.push(machine);
    return { machine, bytes: () => Buffer.concat(pieces) };
  };

  const boot = async (pieces: readonly number[][], more: Partial<MicroVmSpec> = {}): Promise<Shown> => {
    const kernel = tinyKernel(...pieces);
    const one = shown(
      (onConsole) => new MicroVm(sys, { vcpus: 1, memoryMiB: 16, kernel, commandLine: "", onConsole, ...more }),
    );
    await one.machine.start();
    return one;
  };

  const restore = async (more: Partial<RestoredVmSpec> = {}): Promise<Shown> => {
    const one = shown((onConsole) => new MicroVm(sys, { vcpus: 1, memoryMiB: 16, from: place, onConsole, ...more }));
    await one.machine.start();
    return one;
  };

  const until = ({ bytes }: Shown, length: number): Promise<void> =>
    withDeadline({ ms: 20_000, what: `${length} bytes on the console` }, async (signal) => {
      while (bytes().length < length) {
        signal.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    });

  /** Pauses a machine that counts, and saves it; what it had written by then. */
  const save = async (one: Shown): Promise<Buffer> => {
    await one.machine.pause();
    await one.machine.save(place);
    return one.bytes();
  };

  /** Ends a machine; what it had written before, for a machine that is being ended may lose what it writes. */
  const end = async ({ machine, bytes }: Shown): Promise<Buffer> => {
    await machine.pause();
    const written = bytes();
    await machine.stop();
    return written;
  };

  /** Numbers without a gap, from 1 on, as far as they are whole. */
  const isCounted = (bytes: Buffer): void => {
    for (let at = 0; at + 4 <= bytes.length; at += 4) expect(bytes.readUInt32LE(at)).to.equal(at / 4 + 1);
  };

  it("goes on in others from where it was, each with memory and a console of its own", async () => {
    const first = await boot([counting, code.again(counting.length)]);
    await until(first, 400);
    const before = await save(first);
    const digest = () =>
      createHash("sha256")
        .update(readFileSync(join(place, "memory")))
        .digest("hex");
    const written = digest();
    first.machine.resume();
    await until(first, before.length + 100);
    isCounted(await end(first));

    const one = await restore();
    await until(one, 4000);
    const two = await restore();
    await until(two, 400);
    await one.machine.pause();
    const [ofOne, ofTwo] = [one.bytes(), two.bytes()];
    isCounted(Buffer.concat([before, ofOne]));
    isCounted(Buffer.concat([before, ofTwo]));
    expect(digest(), "the file").to.equal(written);
    one.machine.resume();
    await until(one, ofOne.length + 100);
    isCounted(Buffer.concat([before, await end(one)]));
  });

  it("is saved wherever it is stopped, also in the middle of an access", async () => {
    const first = await boot([counting, code.again(counting.length)]);
    for (let round = 1; round <= 8; round++) {
      await until(first, round * 100 + round);
      const before = await save(first);
      const clone = await restore();
      await until(clone, 100);
      isCounted(Buffer.concat([before, await end(clone)]));
      for (const name of readdirSync(place)) rmSync(join(place, name));
      first.machine.resume();
    }
    isCounted(await end(first));
  });

  it("is that with all its processors, and with its devices on other files of the host", async () => {
    const disk = (name: string): DeviceSpec => {
      const path = join(directory, name);
      writeFileSync(path, Buffer.alloc(4096));
      return { kind: "disk", id: "disk", path, readOnly: true };
    };
    const vsock = (name: string): DeviceSpec => ({ kind: "vsock", id: "v", cid: 3, path: join(directory, name) });
    const entropy: DeviceSpec = { kind: "entropy", id: "e" };
    const kinds = [2, 19, 4];
    const ask = kinds.flatMap((_, slot) => [...code.load(0xd0000008 + slot * 0x1000), ...code.sayWord()]);
    const first = await boot([code.say("on"), ask, code.again(ask.length)], {
      vcpus: 2,
      devices: [disk("one"), vsock("one.sock"), entropy],
    });
    await until(first, 2 + 12);
    const before = await save(first);
    const clone = await restore({ vcpus: 2, devices: [disk("two"), vsock("two.sock"), entropy] });
    await until(clone, 48);
    const all = Buffer.concat([before, clone.bytes()]).subarray(2);
    for (let at = 0; at + 4 <= all.length; at += 4) expect(all.readUInt32LE(at)).to.equal(kinds[(at / 4) % 3]);
    expect(readdirSync(directory)).to.include.members(["one.sock", "two.sock"]);
    const other = { vcpus: 2, devices: [disk("two"), entropy] };
    expect(await rejected(() => restore(other))).to.equal("KATA_VMM_SNAPSHOT_MISMATCH");
    const larger = join(directory, "larger");
    writeFileSync(larger, Buffer.alloc(8192));
    const swapped = [{ ...disk("two"), path: larger } as DeviceSpec, vsock("three.sock"), entropy];
    expect(await rejected(() => restore({ vcpus: 2, devices: swapped }))).to.equal("KATA_VMM_SNAPSHOT_MISMATCH");
    expect(readdirSync(directory)).to.not.include("three.sock");
  });

  it("is saved only while it is paused, and once in one place", async () => {
    const first = await boot([code.say("on"), code.spin()]);
    await until(first, 2);
    expect(await rejected(() => first.machine.save(place))).to.equal("KATA_VMM_SNAPSHOT_RUNNING");
    expect(readdirSync(place)).to.deep.equal([]);
    await save(first);
    expect(await rejected(() => first.machine.save(place))).to.equal("KATA_VMM_SNAPSHOT_EXISTS");
    expect(readdirSync(place).toSorted()).to.deep.equal(["memory", "state"]);
    expect(await rejected(() => first.machine.save(join(directory, "none")))).to.equal("KATA_VMM_SNAPSHOT_WRITE");
    first.machine.resume();
    await first.machine.pause();
  });

  it("is no machine of another size, nor one that somebody else may have written", async () => {
    const first = await boot([code.say("on"), code.spin()]);
    await until(first, 2);
    await save(first);
    await first.machine.stop();
    const open = (more: Partial<RestoredVmSpec>) => rejected(() => restore(more));
    expect(await open({ vcpus: 2 })).to.equal("KATA_VMM_SNAPSHOT_MISMATCH");
    expect(await open({ memoryMiB: 32 })).to.equal("KATA_VMM_SNAPSHOT_MISMATCH");
    expect(await open({ from: directory })).to.equal("KATA_VMM_SNAPSHOT_MISSING");
    chmodSync(join(place, "memory"), 0o644);
    expect(await open({})).to.equal("KATA_VMM_SNAPSHOT_OWNER");
    expect(readdirSync("/proc/self/fd").length).to.be.lessThan(100);
  });

  it("is not saved with a device that somebody else serves or a copy of one, and runs on", async () => {
    const first = await boot([counting, code.again(counting.length)]);
    await until(first, 100);
    await save(first);
    const clone = await restore();
    await until(clone, 100);
    await clone.machine.pause();
    expect(await rejected(() => clone.machine.save(directory))).to.equal("KATA_VMM_SNAPSHOT_MEMORY");
    expect(readdirSync(directory)).to.deep.equal(["saved"]);
    const length = clone.bytes().length;
    clone.machine.resume();
    await until(clone, length + 100);
  });
});
