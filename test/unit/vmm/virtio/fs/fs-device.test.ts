import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { codeOf } from "../../../../../src/core/errors/error.js";
import { createLinuxSys } from "../../../../../src/core/sys/linux/index.js";
import { opcode } from "../../../../../src/vmm/fuse/protocol.js";
import type { FsDevice } from "../../../../../src/vmm/virtio/fs/fs-device.js";
import { makeFsDevice } from "../../../../../src/vmm/virtio/fs/make-fs-device.js";
import { data, DrivenDevice } from "../../../../support/vmm/driven-device.js";
import { text, words } from "../../../../support/vmm/fuse-client.js";

const answerAt = data + 0x10000;
const openDescriptors = (): number => readdirSync("/proc/self/fd").length;

describe("a shared directory as a device", () => {
  const sys = createLinuxSys();
  let directory: string;
  let device: FsDevice;
  let driven: DrivenDevice;
  let before: number;
  let sent: number[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "fs-device-"));
    writeFileSync(join(directory, "file"), "content");
    before = openDescriptors();
    device = makeFsDevice(sys, { tag: "kataShared", path: directory, readOnly: false, cache: "auto", queueSize: 64 });
    driven = new DrivenDevice(device).start();
    sent = [0, 0];
  });
  afterEach(async () => {
    await driven.transport.close();
    expect(openDescriptors()).to.equal(before);
    rmSync(directory, { recursive: true });
  });

  /** Sends a request, of one descriptor, and waits for its end; the answer, or how many bytes it has. */
  async function ask(operation: number, node: number, args: Uint8Array, room = 4096, queue = 1): Promise<Buffer> {
    const request = Buffer.concat([words(40 + args.length, operation, 9n, BigInt(node), 0, 0, 1, 0), args]);
    driven.memory.slice(data, request.length).set(request);
    const wanted = room === 0 ? [] : [{ address: answerAt, length: room, write: true }];
    const count = (sent[queue] ?? 0) + 1;
    sent[queue] = count;
    driven.send(queue, [{ address: data, length: request.length }, ...wanted]);
    const { device: used } = driven.queue(queue);
    for (let looks = 0; driven.memory.loadU16(used + 2) !== count; looks++) {
      if (looks === 2000) throw new Error("there is no answer");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return Buffer.from(driven.memory.slice(answerAt, room));
  }

  const init = () => ask(opcode.init, 0, words(7, 38, 0, 0xffffffff));

  it("tells its tag and its queues", () => {
    expect(device.kind).to.equal(26);
    expect(Buffer.from(device.configuration).toString("latin1")).to.equal(`kataShared${"\0".repeat(26)}\x01\0\0\0`);
    expect(device.queueSizes).to.deep.equal([64, 64]);
    for (const tag of ["", "x".repeat(37), "a\0b"]) {
      const make = () => makeFsDevice(sys, { tag, path: directory, readOnly: false, cache: "auto" });
      let code: string | undefined;
      try {
        make();
      } catch (error) {
        code = codeOf(error);
      }
      expect(code).to.equal("KATA_VMM_FS_TAG");
    }
  });

  it("serves its driver, at once and beside the event loop, in both queues", async () => {
    await init();
    const entry = await ask(opcode.lookup, 1, text("file"));
    expect(entry.readInt32LE(4)).to.equal(0);
    const node = Number(entry.readBigUInt64LE(16));
    const handle = (await ask(opcode.open, node, words(2, 0))).readBigUInt64LE(16);
    const read = await ask(opcode.read, node, words(handle, 0n, 100, 0, 0n, 0, 0));
    expect(read.subarray(16, 23).toString()).to.equal("content");
    expect(read.readUInt32LE(0)).to.equal(23);
    expect((await ask(opcode.fsync, node, words(handle, 0, 0), 16)).readInt32LE(4)).to.equal(0);
    await ask(opcode.forget, node, words(1n), 0, 0);
    expect((await ask(opcode.getattr, node, words(0, 0, 0n))).readInt32LE(4)).to.equal(-9);
    expect(driven.interrupts).to.be.greaterThan(0);
    expect(driven.lines).to.deep.equal([]);
  });

  it("forgets its driver at a reset, with what is under way", async () => {
    await init();
    const entry = await ask(opcode.create, 1, Buffer.concat([words(2, 0o644, 0, 0), text("new")]));
    const [node, handle] = [Number(entry.readBigUInt64LE(16)), entry.readBigUInt64LE(16 + 128)];
    const sync = Buffer.concat([words(56, opcode.fsync, 9n, BigInt(node), 0, 0, 1, 0), words(handle, 0, 0)]);
    driven.memory.slice(data, sync.length).set(sync);
    driven.send(1, [
      { address: data, length: sync.length },
      { address: answerAt, length: 16, write: true },
    ]);
    driven.reset();
    expect(driven.status).to.not.equal(0);
    await driven.settled;
    expect(driven.status).to.equal(0);
    driven.memory.slice(answerAt, 16).fill(0x55);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(Buffer.from(driven.memory.slice(answerAt, 16)).every((byte) => byte === 0x55)).to.equal(true);
    expect(openDescriptors()).to.equal(before + 1);
    driven.start();
    sent = [0, 0];
    expect((await ask(opcode.getattr, 1, words(0, 0, 0n))).readInt32LE(4)).to.equal(-5);
    await init();
    expect((await ask(opcode.getattr, 1, words(0, 0, 0n))).readInt32LE(4)).to.equal(0);
  });

  it("needs a reset after what cannot be answered", async () => {
    await init();
    driven.send(1, [{ address: data, length: 39 }]);
    expect(driven.needsReset).to.equal(true);
    expect(driven.lines.join()).to.contain("KATA_VMM_FUSE_REQUEST");
  });

  it("is not made of what is not there", () => {
    const make = () => makeFsDevice(sys, { tag: "x", path: join(directory, "none"), readOnly: false, cache: "auto" });
    expect(make).to.throw("ENOENT");
  });
});
