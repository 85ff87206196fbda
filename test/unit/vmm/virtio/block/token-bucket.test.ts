import { expect } from "chai";
import fc from "fast-check";
import { DiskThrottle } from "../../../../../src/vmm/virtio/block/disk-limits.js";
import { TokenBucket } from "../../../../../src/vmm/virtio/block/token-bucket.js";

describe("a bucket of tokens", () => {
  it("has a second's worth at first, and its burst before that, once", () => {
    const bucket = new TokenBucket({ perSecond: 100, burst: 50 }, 0);
    expect(bucket.wait(150, 0)).to.equal(0);
    bucket.take(150, 0);
    expect(bucket.wait(1, 0)).to.equal(10);
    expect(bucket.wait(100, 0)).to.equal(1000);
    expect(bucket.wait(100, 10_000)).to.equal(0);
    // The burst has not come back.
    bucket.take(100, 10_000);
    expect(bucket.wait(50, 10_000)).to.equal(500);
  });

  it("lets more than it holds through when it is full, and has it owed", () => {
    const bucket = new TokenBucket({ perSecond: 100, burst: 0 }, 0);
    expect(bucket.wait(1000, 0)).to.equal(0);
    bucket.take(1000, 0);
    expect(bucket.wait(1, 0)).to.equal(9010);
    expect(bucket.wait(1, 9009)).to.be.greaterThan(0);
    expect(bucket.wait(1, 9010)).to.equal(0);
  });

  it("never gives more than its rate, its burst and one second's worth in all, however it is asked", () => {
    const asks = fc.array(fc.record({ pause: fc.nat(3000), amount: fc.integer({ min: 1, max: 500 }) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(200), asks, (perSecond, burst, all) => {
        const bucket = new TokenBucket({ perSecond, burst }, 0);
        let [now, taken, largest] = [0, 0, 0];
        for (const { pause, amount } of all) {
          now += pause;
          if (bucket.wait(amount, now) > 0) continue;
          bucket.take(amount, now);
          taken += amount;
          largest = Math.max(largest, amount);
        }
        expect(taken).to.be.at.most(burst + perSecond + (perSecond * now) / 1000 + largest + 1e-6);
      }),
    );
  });

  it("says how long to wait, neither too long nor too short", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 1, max: 3000 }),
        fc.nat(3000),
        (rate, first, next) => {
          const bucket = new TokenBucket({ perSecond: rate, burst: 0 }, 0);
          bucket.take(first, 0);
          const wait = bucket.wait(next, 0);
          expect(bucket.wait(next, wait)).to.equal(0);
          if (wait > 1) expect(bucket.wait(next, wait - 1)).to.be.greaterThan(0);
        },
      ),
    );
  });
});

describe("the limits of a disk", () => {
  it("are bytes and operations, whichever takes longer, and what waits takes nothing", () => {
    let now = 0;
    const limits = { bytes: { perSecond: 1000, burst: 0 }, operations: { perSecond: 10, burst: 0 } };
    const throttle = new DiskThrottle(limits, () => now);
    for (let i = 0; i < 10; i++) expect(throttle.admit(10)).to.equal(0);
    expect(throttle.admit(0)).to.equal(100);
    now = 100;
    expect(throttle.admit(1000)).to.equal(0);
    now = 200;
    expect(throttle.admit(200)).to.equal(100);
    expect(throttle.admit(0)).to.equal(0);
  });

  it("that are none let everything through", () => {
    const throttle = new DiskThrottle({}, () => 0);
    for (let i = 0; i < 100; i++) expect(throttle.admit(2 ** 40)).to.equal(0);
  });
});
