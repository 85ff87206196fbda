import { expect } from "chai";
import { PoolShare } from "../../../../../src/vmm/virtio/block/pool-share.js";

describe("a share of libuv's pool", () => {
  it("has so many calls under way and no more, in the order in which they came, also after one that fails", async () => {
    const share = new PoolShare(2);
    const ends: (() => void)[] = [];
    const begun: number[] = [];
    const calls = [0, 1, 2, 3].map((number) =>
      share.run(async () => {
        begun.push(number);
        await new Promise<void>((resolve) => ends.push(resolve));
        if (number === 0) throw new Error("the disk is broken");
        return number;
      }),
    );
    const settled = Promise.allSettled(calls);
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    await turn();
    expect(begun).to.deep.equal([0, 1]);
    ends.shift()?.();
    await turn();
    expect(begun).to.deep.equal([0, 1, 2]);
    for (let end = ends.shift(); end !== undefined; end = ends.shift()) {
      end();
      await turn();
    }
    expect((await settled).map(({ status }) => status)).to.deep.equal([
      "rejected",
      "fulfilled",
      "fulfilled",
      "fulfilled",
    ]);
    expect(await share.run(async () => "free again")).to.equal("free again");
  });
});
