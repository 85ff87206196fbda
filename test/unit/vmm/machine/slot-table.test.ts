import { expect } from "chai";
import fc from "fast-check";
import { codeOf } from "../../../../src/core/errors/error.js";
import { SlotTable } from "../../../../src/vmm/machine/slot-table.js";

const failureOf = (action: () => unknown): string | undefined => {
  try {
    action();
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
};

describe("slots for virtio devices", () => {
  it("are given out from the lowest on, and used again", () => {
    const slots = new SlotTable(3);
    expect([slots.take("a"), slots.take("b"), slots.take("c")]).to.deep.equal([0, 1, 2]);
    expect(failureOf(() => slots.take("d"))).to.equal("KATA_VMM_SLOTS");
    slots.release("b");
    expect(slots.take("d")).to.equal(1);
    expect(slots.ids).to.deep.equal(["a", "c", "d"]);
  });

  it("know each device once, and none that is not there", () => {
    const slots = new SlotTable(3);
    slots.take("a");
    expect(failureOf(() => slots.take("a"))).to.equal("KATA_VMM_DEVICE_EXISTS");
    expect(failureOf(() => slots.slotOf("b"))).to.equal("KATA_VMM_DEVICE_UNKNOWN");
    expect(failureOf(() => slots.lose("b"))).to.equal("KATA_VMM_DEVICE_UNKNOWN");
  });

  it("are never used again when a driver may still be there", () => {
    const slots = new SlotTable(2);
    slots.take("a");
    slots.lose("a");
    expect([slots.take("a"), failureOf(() => slots.take("b"))]).to.deep.equal([1, "KATA_VMM_SLOTS"]);
  });

  it("hold one device each, whatever comes and goes", () => {
    const step = fc.record({
      id: fc.constantFrom("a", "b", "c", "d", "e"),
      what: fc.constantFrom("take", "release", "lose"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const slots = new SlotTable(4);
        const [held, lost] = [new Map<string, number>(), new Set<number>()];
        for (const { id, what } of steps) {
          const has = held.get(id);
          if (what === "take") {
            const room = held.size + lost.size < 4;
            const expected = has !== undefined ? "KATA_VMM_DEVICE_EXISTS" : room ? undefined : "KATA_VMM_SLOTS";
            expect(failureOf(() => held.set(id, slots.take(id)))).to.equal(expected);
          } else if (has !== undefined) {
            slots[what === "lose" ? "lose" : "release"](id);
            held.delete(id);
            if (what === "lose") lost.add(has);
          }
          const used = [...held.values(), ...lost];
          expect(new Set(used).size).to.equal(used.length);
          expect(used.every((slot) => slot >= 0 && slot < 4)).to.equal(true);
        }
      }),
    );
  });
});
