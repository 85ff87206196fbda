import { expect } from "chai";
import { codeOf, messageOf } from "../../../../src/core/errors/error.js";
import { OrderAnswers } from "../../../../src/vmm/threads/order-answers.js";

const deadline = { ms: 10_000, what: "the answer" };

describe("orders to a thread that are answered", () => {
  it("are told apart, in whatever order the answers come", async () => {
    const answers = new OrderAnswers();
    const given: number[] = [];
    const give = (order: number) => void given.push(order);
    const failing = answers.ask(give, deadline).catch(messageOf);
    const done = answers.ask(give, deadline);
    const [first = -1, second = -1] = given;
    answers.answer(second);
    answers.answer(first, new Error("no"));
    answers.answer(99);
    expect([await failing, await done, first === second]).to.deep.equal(["no", undefined, false]);
  });

  it("fail when the thread has gone, before and after they are given", async () => {
    const answers = new OrderAnswers();
    const under = answers.ask(() => undefined, deadline).catch(messageOf);
    answers.end(new Error("gone"));
    expect(await under).to.equal("gone");
    let given = false;
    expect(await answers.ask(() => (given = true), deadline).catch(messageOf)).to.equal("gone");
    expect(given).to.equal(false);
  });

  it("are waited for no longer than they may take", async () => {
    const answers = new OrderAnswers();
    const given: number[] = [];
    const late = await answers.ask((order) => void given.push(order), { ...deadline, ms: 1 }).catch(codeOf);
    expect(late).to.equal("KATA_DEADLINE");
    answers.answer(given[0] ?? -1, new Error("too late to matter"));
  });
});
