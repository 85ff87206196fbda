import { expect } from "chai";
import { EventBus } from "../../../../src/core/dispatch/event-bus.js";
import { defineEvent } from "../../../../src/core/dispatch/message.js";
import { currentCulprit, runAs, traceCulprits } from "../../../../src/core/plugin/culprit.js";
import { createLogger } from "../../../../src/core/log.js";

const happened = defineEvent<number>("test.happened");

describe("EventBus", () => {
  before(traceCulprits);

  it("keeps a listener that throws from hurting others, and logs its name", () => {
    const lines: string[] = [];
    const bus = new EventBus(createLogger((line) => lines.push(line)));
    const seen: number[] = [];
    bus.subscribe(happened, "the broken one", () => {
      throw new Error("broken");
    });
    bus.subscribe(happened, "the good one", (n) => seen.push(n));
    bus.publish(happened, 1);
    bus.publish(happened, 2);
    expect(seen).to.deep.equal([1, 2]);
    expect(lines).to.have.length(2);
    expect(lines[0]).to.include('listener="the broken one"');
  });

  it("keeps the rejection of a listener's promise from being nobody's, and logs its name", async () => {
    const lines: string[] = [];
    const bus = new EventBus(createLogger((line) => lines.push(line)));
    bus.subscribe(happened, "the slow one", async () => {
      await Promise.resolve();
      throw new Error("broken");
    });
    bus.publish(happened, 1);
    await new Promise(setImmediate);
    expect(lines).to.have.length(1);
    expect(lines[0]).to.include('listener="the slow one"').and.to.include("broken");
  });

  it("runs a listener as its subscriber's, whoever publishes", () => {
    const bus = new EventBus(createLogger(() => undefined));
    const of = (id: string) => ({ id, origin: "test" });
    const seen: (string | undefined)[] = [];
    const listen = (name: string) => bus.subscribe(happened, name, () => void seen.push(currentCulprit()?.id));
    runAs(of("volume/a"), () => listen("a"));
    listen("nobody's");
    runAs(of("volume/b"), () => bus.publish(happened, 1));
    expect(seen).to.deep.equal(["volume/a", undefined]);
  });

  it("tells nothing after unsubscribing, and completes streams at the end", () => {
    const bus = new EventBus(createLogger(() => undefined));
    const seen: number[] = [];
    let completed = false;
    bus.stream(happened).subscribe({ complete: () => (completed = true) });
    const subscription = bus.subscribe(happened, "one", (n) => seen.push(n));
    bus.publish(happened, 1);
    subscription.unsubscribe();
    bus.publish(happened, 2);
    bus.close();
    expect(seen).to.deep.equal([1]);
    expect(completed).to.equal(true);
  });
});
