import { expect } from "chai";
import { PluggableMemory } from "../../../../src/vmm/memory/pluggable-memory.js";

const mib = 2 ** 20;

describe("memory that a guest plugs", () => {
  function memory(guest: (bytes: number, memory: PluggableMemory) => void, ms = 10_000) {
    const asked: number[] = [];
    const one: PluggableMemory = new PluggableMemory({
      bootMiB: 512,
      size: 1024 * mib,
      ms,
      request: (bytes) => {
        asked.push(bytes / mib);
        guest(bytes, one);
      },
    });
    return { one, asked };
  }

  it("is asked for in whole blocks, from what the machine started with to what there can be", async () => {
    const { one, asked } = memory((bytes, it_) => setImmediate(() => it_.heard(bytes)));
    expect(await one.resize(513)).to.deep.equal({ memoryMiB: 516, complete: true });
    expect(await one.resize(1000)).to.deep.equal({ memoryMiB: 1000, complete: true });
    expect(await one.resize(100)).to.deep.equal({ memoryMiB: 512, complete: true });
    expect(await one.resize(9999)).to.deep.equal({ memoryMiB: 1536, complete: true });
    expect(asked).to.deep.equal([4, 488, 0, 1024]);
    expect(one.memoryMiB).to.equal(1536);
  });

  it("is waited for until all of it is plugged, bit by bit", async () => {
    const { one } = memory((bytes, it_) => {
      setImmediate(() => it_.heard(bytes / 2));
      setTimeout(() => it_.heard(bytes), 5);
    });
    expect(await one.resize(1024)).to.deep.equal({ memoryMiB: 1024, complete: true });
  });

  it("is answered as it is when the guest has not done all of it in time", async () => {
    const { one } = memory((_, it_) => it_.heard(8 * mib), 5);
    expect(await one.resize(1024)).to.deep.equal({ memoryMiB: 520, complete: false });
  });

  it("is changed once at a time", async () => {
    const { one, asked } = memory((bytes, it_) => setTimeout(() => it_.heard(bytes), 1));
    const answers = await Promise.all([one.resize(600), one.resize(520), one.resize(700)]);
    expect(answers.map(({ memoryMiB }) => memoryMiB)).to.deep.equal([600, 520, 700]);
    expect(asked).to.deep.equal([88, 8, 188]);
  });
});
