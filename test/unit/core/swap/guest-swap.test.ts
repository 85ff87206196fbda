import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { createLogger } from "../../../../src/core/log.js";
import { SandboxRecord } from "../../../../src/core/sandbox/record.js";
import { GuestSwap } from "../../../../src/core/swap/guest-swap.js";
import { SwapFiles } from "../../../../src/core/swap/swap-files.js";
import { FakeAgent } from "../../../../src/testing/fake-agent.js";
import { FakeDisks } from "../../../../src/testing/fake-disks.js";
import { fakeSys } from "../../../../src/testing/fake-sys.js";
import { rejected, temporaryDirectory } from "../sys/fixture.js";

const MiB = 2 ** 20;

describe("the swap of a guest", () => {
  const directory = temporaryDirectory();
  let files: SwapFiles;
  let disks: FakeDisks;
  let agent: FakeAgent;
  let memoryMiB: number;
  let log: string[];
  let kept: () => void;

  beforeEach(async () => {
    const run = join(directory.path, "run");
    mkdirSync(run, { mode: 0o700 });
    const record = SandboxRecord.create(run, { namespace: "default", id: "pod" });
    files = new SwapFiles({ sys: fakeSys(), record, root: join(directory.path, "swap"), name: "default:pod" });
    await files.prepare();
    disks = new FakeDisks();
    agent = new FakeAgent();
    agent.capabilities.swap = { add: async ({ type, id }) => void agent.calls.push(`swap ${type} ${id}`) };
    memoryMiB = 256;
    log = [];
    kept = () => undefined;
  });

  const make = (thresholdMs: number, percent = 50) =>
    new GuestSwap({
      files,
      disks,
      agent,
      log: createLogger((line) => log.push(line)),
      memoryMiB: () => memoryMiB,
      percent,
      thresholdMs,
      keep: async () => kept(),
    });
  const there = () => readdirSync(join(directory.path, "swap", "default:pod"));

  it("follows the memory of the machine, before a container when nothing is waited for, and never shrinks", async () => {
    const swap = make(0);
    for (const [memory, bytes] of [
      [256, 128],
      [300, 150],
      [256, 150],
      [300, 150],
      [310, 155],
    ] as const) {
      memoryMiB = memory;
      await swap.grow();
      await swap.shrink();
      expect(files.bytes).to.equal(bytes * MiB);
    }
    expect(agent.calls).to.deep.equal(["swap blk 02", "swap blk 02", "swap blk 02"]);
    expect(disks.added.map(({ path, readOnly }) => [path, readOnly])).to.deep.equal(
      ["swap0", "swap1", "swap2"].map((name) => [join(directory.path, "swap", "default:pod", name), false]),
    );
  });

  it("is refused by what refuses its disk, and leaves none", async () => {
    const swap = make(0);
    agent.capabilities.swap = { add: () => Promise.reject(new Error("no CONFIG_SWAP")) };
    expect(await rejected(() => swap.grow())).to.include("no CONFIG_SWAP");
    expect([files.bytes, disks.released, there()]).to.deep.equal([0, 1, []]);
    disks.add = () => Promise.reject(new Error("no slot"));
    expect(await rejected(() => swap.grow())).to.include("no slot");
    expect(there()).to.deep.equal([]);
    delete agent.capabilities.swap;
    expect(await rejected(() => swap.grow())).to.equal("KATA_SWAP_AGENT");
    expect(there()).to.deep.equal([]);
  });

  it("stays, and counts, when the machine does not give its disk back", async () => {
    const swap = make(0);
    agent.capabilities.swap = { add: () => Promise.reject(new Error("late")) };
    const add = disks.add.bind(disks);
    disks.add = async (request) => ({
      ...(await add(request)),
      release: () => Promise.reject(new Error("in use")),
    });
    expect(await rejected(() => swap.grow())).to.include("late");
    expect([files.bytes, there()]).to.deep.equal([128 * MiB, ["swap0"]]);
    expect(log.join("\n")).to.include("a swap file stays until the sandbox ends").and.include("in use");
    await swap.grow();
    expect(there()).to.deep.equal(["swap0"]);
  });

  it("comes later and for several changes at once when a while is waited for, and is made known then", async () => {
    const swap = make(1);
    const done = new Promise<void>((resolve) => (kept = resolve));
    await swap.grow();
    expect(files.bytes).to.equal(0);
    await swap.shrink();
    memoryMiB = 400;
    await swap.shrink();
    await done;
    expect([files.bytes, there()]).to.deep.equal([200 * MiB, ["swap0"]]);
    await swap.close();
  });

  it("that fails in the background is logged, and tried again with the next change", async () => {
    const swap = make(1);
    const failed = new Promise<void>((resolve) => {
      agent.capabilities.swap = { add: () => Promise.reject(new Error("not now")) };
      const push = log.push.bind(log);
      log.push = (...lines) => {
        if (lines.join("").includes("not now")) resolve();
        return push(...lines);
      };
    });
    await swap.shrink();
    await failed;
    expect(log.join("\n")).to.include("the guest gets no more swap");
    const done = new Promise<void>((resolve) => (kept = resolve));
    agent.capabilities.swap = { add: async () => undefined };
    await swap.shrink();
    await done;
    expect(files.bytes).to.equal(128 * MiB);
  });

  it("is not begun once it is closed, which waits for what was begun", async () => {
    const swap = make(0);
    let finish = (): void => undefined;
    agent.capabilities.swap = { add: () => new Promise((resolve) => (finish = resolve)) };
    const growing = swap.grow();
    while (disks.added.length === 0) await new Promise(setImmediate);
    const order: string[] = [];
    const closing = swap.close().then(() => order.push("closed"));
    order.push("finished");
    await new Promise(setImmediate);
    finish();
    await Promise.all([growing, closing]);
    expect(order).to.deep.equal(["finished", "closed"]);
    memoryMiB = 1000;
    await swap.grow();
    expect(files.bytes).to.equal(128 * MiB);
  });

  it("is none when it would be less than an area that Linux takes", async () => {
    memoryMiB = 1;
    await make(0, 3).grow();
    expect(files.bytes).to.equal(0);
  });
});
