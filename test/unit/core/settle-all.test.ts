import { expect } from "chai";
import { settleAll } from "../../../src/core/settle-all.js";

describe("settleAll", () => {
  it("has nothing going on when it rejects, and tells the first error in order", async () => {
    const ended: string[] = [];
    const step = async (name: string, turns: number, error?: string): Promise<void> => {
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      ended.push(name);
      if (error !== undefined) throw new Error(error);
    };
    const error = await settleAll([step("a", 30), step("b", 20, "second"), step("c", 1, "third")]).then(
      () => expect.fail("nothing was thrown"),
      (reason: unknown) => reason,
    );
    expect(String(error)).to.equal("Error: second");
    expect(ended).to.deep.equal(["c", "b", "a"]);
  });

  it("takes nothing for done", async () => {
    await settleAll([]);
    await settleAll([Promise.resolve(1)]);
  });
});
