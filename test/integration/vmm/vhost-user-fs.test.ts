import { expect } from "chai";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withDeadline } from "../../../src/core/deadline.js";
import { codeOf } from "../../../src/core/errors/error.js";
import { Child, forcedKill } from "../../../src/core/process/child.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { commonFeatures, type DeviceContext, type HandedQueue } from "../../../src/vmm/virtio/device.js";
import { VhostUserFsDevice } from "../../../src/vmm/virtio/vhost-user/fs.js";
import { skip } from "../../support/skip.js";
import { MemfdMemory } from "../../support/vmm/memfd-memory.js";
import { testContext } from "../../support/vmm/test-queue.js";
import { needsRoot } from "../sys/fixture.js";

const program = "/usr/lib/qemu/virtiofsd";
const queueSize = 16;
const requestAt = 0x8000;
const responseAt = 0x9000;

/** Operations of FUSE (linux/fuse.h). */
const init = 26;
const lookup = 1;
const rootNode = 1n;

/** Flags of a descriptor (virtio 1.2, 2.7.5). */
const flag = { next: 1, write: 2 } as const;

describe("a file system served by virtiofsd", () => {
  const sys = createLinuxSys();
  let directory: string;
  let daemon: Child;
  let device: VhostUserFsDevice;
  let memory: MemfdMemory;
  let eventfds: number[];

  before(function () {
    needsRoot(this);
    if (!existsSync(program)) skip(this, `there is no ${program} (qemu-system-common)`);
  });

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "virtiofsd-"));
    writeFileSync(join(directory, "hello"), "hello");
    const path = join(directory, "socket");
    const listening = sys.sockets.listenUnix(path);
    sys.descriptors.setNonBlocking(listening, false);
    const args = ["-f", "--fd=3", "-o", `source=${directory}`, "-o", "sandbox=namespace"];
    daemon = await Child.spawn({ name: "virtiofsd", command: program, args, fds: [listening] });
    sys.descriptors.close(listening);
    memory = new MemfdMemory(sys, 0x100000);
    eventfds = [];
    device = await VhostUserFsDevice.connect({ sys, path, tag: "kataShared", queueSize });
  });

  afterEach(async () => {
    device.close();
    await daemon.end(forcedKill);
    memory.close();
    for (const fd of eventfds) sys.descriptors.close(fd);
    rmSync(directory, { recursive: true });
  });

  /** A transport that gives its queues away; the driver's side of them is in the test. */
  class Transport {
    readonly failures: unknown[] = [];
    #isFailed: () => void = () => undefined;
    readonly failed = new Promise<void>((resolve) => {
      this.#isFailed = resolve;
    });
    readonly queues: HandedQueue[] = [];
    #sent = 0;

    constructor() {
      memory.slice(0, 0x10000).fill(0);
      const context: DeviceContext = {
        ...testContext(2, commonFeatures.indirect | commonFeatures.eventIndex | commonFeatures.version1),
        memory,
        handOver: (index) => {
          const at = index * 0x2000;
          const kick = sys.descriptors.eventfd();
          const call = sys.descriptors.eventfd();
          eventfds.push(kick, call);
          const queue = { descriptors: at, available: at + 0x800, used: at + 0x1000, size: queueSize, kick, call };
          this.queues.push(queue);
          return queue;
        },
        fail: (error) => {
          this.failures.push(error);
          this.#isFailed();
        },
      };
      device.activate(context);
    }

    /** Puts a request of FUSE into the queue of requests, and gives the answer, without its header, and its error. */
    async ask(operation: number, body: Buffer): Promise<{ readonly error: number; readonly body: Buffer }> {
      const queue = this.queues[1] ?? expect.fail("the queue was not taken");
      const request = Buffer.alloc(40);
      request.writeUInt32LE(40 + body.length, 0);
      request.writeUInt32LE(operation, 4);
      request.writeBigUInt64LE(7n, 8);
      request.writeBigUInt64LE(rootNode, 16);
      memory.slice(requestAt, 40 + body.length).set(Buffer.concat([request, body]));
      this.#describe(queue, 0, requestAt, 40 + body.length, flag.next);
      this.#describe(queue, 1, responseAt, 256, flag.write);
      const turn = this.#sent++;
      memory.writeU16(queue.available + 4 + 2 * (turn % queueSize), 0);
      // the driver wants to be interrupted for this one (`used_event`)
      memory.writeU16(queue.available + 4 + 2 * queueSize, turn);
      memory.storeU16(queue.available + 2, turn + 1);
      sys.descriptors.addEventfd(queue.kick);
      // the daemon also interrupts for nothing, as when it is given the eventfd
      while (memory.loadU16(queue.used + 2) !== turn + 1) {
        await sys.descriptors.ready(queue.call, { readable: true }, { ms: 10_000, what: "virtiofsd to answer" });
        sys.descriptors.readEventfd(queue.call);
      }
      expect(memory.readU64(responseAt + 8)).to.equal(7);
      const error = memory.slice(responseAt, 16).readInt32LE(4);
      return { error, body: Buffer.from(memory.slice(responseAt + 16, memory.readU32(responseAt) - 16)) };
    }

    #describe(queue: HandedQueue, index: number, address: number, length: number, flags: number): void {
      const at = queue.descriptors + 16 * index;
      memory.writeU64(at, address);
      memory.writeU32(at + 8, length);
      memory.writeU16(at + 12, flags);
      memory.writeU16(at + 14, index + 1);
    }
  }

  /** `struct fuse_init_in`: version 7.31, and nothing special. */
  function initialization(): Buffer {
    const body = Buffer.alloc(64);
    body.writeUInt32LE(7, 0);
    body.writeUInt32LE(31, 4);
    body.writeUInt32LE(0x20000, 8);
    return body;
  }

  it("answers what the driver puts into a queue, also for the driver after", async () => {
    for (let driver = 0; driver < 2; driver++) {
      const transport = new Transport();
      const answer = await transport.ask(init, initialization());
      expect(answer.error).to.equal(0);
      expect(answer.body.readUInt32LE(0)).to.equal(7);
      const found = await transport.ask(lookup, Buffer.from("hello\0"));
      expect(found.error).to.equal(0);
      // `struct fuse_entry_out`: the file's size is behind 40 bytes and the inode's number
      expect(found.body.readBigUInt64LE(48)).to.equal(5n);
      expect((await transport.ask(lookup, Buffer.from("nothing\0"))).error).to.equal(-2);
      await device.reset();
      expect(transport.failures).to.deep.equal([]);
    }
    device.close();
    expect(await daemon.waitFor(10_000)).not.to.equal(undefined);
  });

  it("fails the device when the daemon is killed", async () => {
    const transport = new Transport();
    await transport.ask(init, initialization());
    await daemon.end(forcedKill);
    await withDeadline({ ms: 10_000, what: "the device to fail" }, () => transport.failed);
    expect(transport.failures.map(codeOf)).to.deep.equal(["KATA_VMM_VHOST_USER_ENDED"]);
    await device.reset();
  });
});
