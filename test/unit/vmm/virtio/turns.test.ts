import { expect } from "chai";
import { Turns } from "../../../../src/vmm/virtio/turns.js";

const later = () => new Promise((resolve) => setImmediate(resolve));

describe("work in turns", () => {
  it("does the first turn at once, and others behind what else there is", async () => {
    let left = 3;
    let done = 0;
    const turns = new Turns(
      () => {
        done++;
        return --left > 0;
      },
      () => undefined,
    );
    turns.run();
    expect(done).to.equal(1);
    turns.run();
    expect(done).to.equal(1);
    await later();
    expect(done).to.equal(2);
    await later();
    expect(done).to.equal(3);
    await later();
    expect(done).to.equal(3);
  });

  it("goes on later when it is asked to within a turn", async () => {
    let done = 0;
    const turns = new Turns(
      () => {
        if (++done < 3) turns.run();
        return false;
      },
      () => undefined,
    );
    turns.run();
    expect(done).to.equal(1);
    await later();
    await later();
    await later();
    expect(done).to.equal(3);
  });

  it("stops", async () => {
    let done = 0;
    const turns = new Turns(
      () => {
        done++;
        return true;
      },
      () => undefined,
    );
    turns.run();
    turns.stop();
    await later();
    expect(done).to.equal(1);
  });

  it("hands over what a turn throws, and does no more", async () => {
    const failures: unknown[] = [];
    const turns = new Turns(
      () => {
        turns.run();
        throw new Error("broken");
      },
      (error) => failures.push(error),
    );
    turns.run();
    await later();
    expect(failures).to.have.length(1);
  });
});
