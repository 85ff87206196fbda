import { Worker } from "node:worker_threads";
import { expect } from "chai";
import { Bus } from "../../../../src/vmm/bus/bus.js";
import { abandonCalls, busCallBytes, BusServer } from "../../../../src/vmm/threads/bus-call.js";

const module = new URL("../../../../src/vmm/threads/bus-call.js", import.meta.url).href;

/** A thread that makes accesses as a vCPU does, and tells what it read. */
const program = `
  const { parentPort, workerData } = require("node:worker_threads");
  import(${JSON.stringify(module)}).then(({ BusCaller }) => {
    const caller = new BusCaller(workerData.shared, () => parentPort.postMessage("wake"));
    const bytes = Uint8Array.of(1, 2, 3, 4);
    caller.call({ space: "memory", isWrite: true, address: 0x1_0000_1008 }, bytes);
    caller.call({ space: "memory", isWrite: false, address: 0x1_0000_1008 }, bytes);
    const port = new Uint8Array(1);
    caller.call({ space: "port", isWrite: false, address: 0x3f8 }, port);
    parentPort.postMessage([[...bytes], [...port]]);
  });
`;

describe("an access of a vCPU to a device of another thread", () => {
  it("waits until it is done, by a promise too, and goes on when the device fails", async () => {
    const shared = new SharedArrayBuffer(busCallBytes);
    const [ports, memory, log, failures] = [new Bus(), new Bus(), [] as unknown[], [] as unknown[]];
    memory.add(0x1_0000_1000, 0x100, {
      read: (offset, into) => {
        log.push(["read", offset]);
        into.set([9, 8, 7, 6]);
      },
      write: async (offset, bytes) => {
        const copy = [...bytes];
        await new Promise((resolve) => setTimeout(resolve, 20));
        log.push(["write", offset, copy]);
      },
    });
    ports.add(0x3f8, 8, {
      read: () => {
        throw new Error("broken");
      },
      write: () => undefined,
    });
    const server = new BusServer([shared], { ports, memory }, (error) => failures.push(String(error)));
    const worker = new Worker(program, { eval: true, workerData: { shared } });
    const read = await new Promise<unknown>((resolve, reject) => {
      worker.once("error", reject);
      worker.on("message", (message: unknown) => {
        if (message === "wake") server.serve();
        else resolve(message);
      });
    });
    await worker.terminate();
    expect(log).to.deep.equal([
      ["write", 8, [1, 2, 3, 4]],
      ["read", 8],
    ]);
    expect(read).to.deep.equal([[9, 8, 7, 6], [255]]);
    expect(failures).to.deep.equal(["Error: broken"]);
  });
});

describe("an access of a vCPU to devices that nobody serves any more", () => {
  for (const moment of ["after it was made", "before it is made"]) {
    it(`ends, abandoned ${moment}, and none is made after it`, async () => {
      const shared = new SharedArrayBuffer(busCallBytes);
      let made = 0;
      if (moment === "before it is made") abandonCalls(shared);
      const worker = new Worker(program, { eval: true, workerData: { shared } });
      const read = await new Promise<unknown>((resolve, reject) => {
        worker.once("error", reject);
        worker.on("message", (message: unknown) => {
          if (message !== "wake") return resolve(message);
          made++;
          abandonCalls(shared);
        });
      });
      await worker.terminate();
      expect(read).to.deep.include.members([[255]]);
      expect(made).to.equal(moment === "before it is made" ? 0 : 1);
    });
  }

  it("ends, abandoned by a device that had taken it", async () => {
    const shared = new SharedArrayBuffer(busCallBytes);
    const memory = new Bus();
    memory.add(0x1_0000_1000, 0x100, { read: () => undefined, write: () => new Promise(() => undefined) });
    const server = new BusServer([shared], { ports: new Bus(), memory }, () => undefined);
    const worker = new Worker(program, { eval: true, workerData: { shared } });
    const read = await new Promise<unknown>((resolve, reject) => {
      worker.once("error", reject);
      worker.on("message", (message: unknown) => {
        if (message !== "wake") return resolve(message);
        server.serve();
        abandonCalls(shared);
      });
    });
    await worker.terminate();
    expect(read).to.deep.include.members([[255]]);
  });
});
