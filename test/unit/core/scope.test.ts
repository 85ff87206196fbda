import { expect } from "chai";
import { token } from "../../../src/core/di.js";
import { codeOf } from "../../../src/core/errors/error.js";
import { Scope } from "../../../src/core/scope.js";

describe("Scope", () => {
  it("makes a binding once, and shows it to its children", () => {
    const key = token<{ n: number }>("test/made-once");
    const root = Scope.root("root");
    let made = 0;
    root.bind(key, () => ({ n: ++made }));
    const child = root.child("child");
    expect(child.get(key)).to.equal(root.get(key));
    expect(made).to.equal(1);
  });

  it("keeps a child's binding from its parent and its siblings", () => {
    const key = token<string>("test/own");
    const root = Scope.root("root");
    const [first, second] = [root.child("first"), root.child("second")];
    first.bind(key, () => "first");
    expect(first.get(key)).to.equal("first");
    expect(() => second.get(key)).to.throw(/nothing is bound to kata-ts\/test\/own in the scope "root\/second"/);
  });

  it("runs closers in reverse, children first, and once", async () => {
    const closed: string[] = [];
    const root = Scope.root("root");
    root.defer("a", () => void closed.push("a"));
    root.defer("b", async () => void closed.push("b"));
    root.child("child").defer("c", () => void closed.push("c"));
    await Promise.all([root.close(), root.close()]);
    expect(closed).to.deep.equal(["c", "b", "a"]);
  });

  it("tries every closer and gathers the errors", async () => {
    const root = Scope.root("root");
    const closed: string[] = [];
    root.defer("first", () => void closed.push("first"));
    root.defer("second", () => {
      throw new Error("second broke");
    });
    root.defer("third", () => Promise.reject(new Error("third broke")));
    const error: unknown = await root.close().catch((cause: unknown) => cause);
    expect(closed).to.deep.equal(["first"]);
    expect(error).to.be.instanceOf(AggregateError);
    expect((error as AggregateError).errors.map(String)).to.deep.equal(["Error: third broke", "Error: second broke"]);
  });

  it("tells closers why it is destroyed", async () => {
    const root = Scope.root("root");
    let told: unknown;
    root.defer("it", (reason) => (told = reason) as void);
    const reason = new Error("gone");
    await root.destroy(reason);
    expect(told).to.equal(reason);
  });

  it("cuts off a closer that hangs, naming it", async () => {
    const root = Scope.root("root");
    root.defer("the slow one", () => new Promise<void>(() => undefined), 5);
    const error = (await root.close().catch((cause: unknown) => cause)) as AggregateError;
    expect(error.errors[0]).to.have.property("message").that.includes('"the slow one" of the scope "root" to close');
  });

  it("is abandoned without undoing anything, and all below it", async () => {
    const root = Scope.root("root");
    const closed: string[] = [];
    const child = root.child("child");
    child.child("grandchild").defer("third", () => void closed.push("third"));
    child.defer("second", () => void closed.push("second"));
    root.defer("first", () => void closed.push("first"));
    child.abandon();
    expect(root.pending()).to.deep.equal(["first"]);
    await child.close();
    expect(() => child.defer("late", () => undefined)).to.throw(/the scope "root\/child" is closed/);
    await root.close();
    expect(closed).to.deep.equal(["first"]);
  });

  it("refuses work once it is closed", async () => {
    const root = Scope.root("root");
    await root.close();
    expect(() => root.defer("late", () => undefined))
      .to.throw(/the scope "root" is closed/)
      .that.satisfies((error: unknown) => codeOf(error) === "KATA_SCOPE_CLOSED");
  });
});
