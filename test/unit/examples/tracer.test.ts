import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { defineRequest, Dispatcher, deleteTask, killTask, waitTask } from "kata-ts";
import { FakeWorld } from "kata-ts/testing";
import { firstValueFrom, NEVER } from "rxjs";
import { type Span, tracer } from "../../../examples/tracer/tracer.js";
import { plugin as virtContainer } from "../../../src/plugins/handlers/virt-container/index.js";

const outer = defineRequest<number, number>("test.outer");
const inner = defineRequest<number, number>("test.inner");
const silent = defineRequest<void, void>("test.silent");

describe("the example of middleware", () => {
  let spans: Span[];
  let dispatcher: Dispatcher;

  beforeEach(() => {
    spans = [];
    dispatcher = new Dispatcher({ interceptors: [tracer((span) => spans.push(span))] });
    dispatcher.handle(inner, "test", async (value) => {
      if (value < 0) throw new Error(`${value} is below 0`);
      return value + 1;
    });
    dispatcher.handle(outer, "test", async (value) => {
      // Whatever is waited for in between.
      await new Promise((resolve) => setImmediate(resolve));
      return firstValueFrom(dispatcher.request(inner(value)));
    });
    dispatcher.handle(silent, "test", () => NEVER);
  });

  it("has what a request leads to below it, in the same trace", async () => {
    const asked = [1, 2].map((value) => firstValueFrom(dispatcher.request(outer(value))));
    expect(await Promise.all(asked)).to.deep.equal([2, 3]);
    const roots = spans.filter(({ name }) => name === "test.outer");
    expect(roots).to.have.length(2);
    expect(new Set(roots.map(({ traceId }) => traceId)).size, "traces").to.equal(2);
    for (const { traceId, spanId, parentId } of roots) {
      expect(parentId).to.equal(undefined);
      expect(traceId).to.match(/^[0-9a-f]{32}$/);
      expect(spanId).to.match(/^[0-9a-f]{16}$/);
      const below = spans.filter((span) => span.parentId === spanId);
      expect(below.map(({ name }) => name)).to.deep.equal(["test.inner"]);
      expect(below[0]).to.include({ traceId, outcome: "answered" });
    }
  });

  it("tells how each has ended", async () => {
    const error: unknown = await firstValueFrom(dispatcher.request(outer(-1))).catch((cause: unknown) => cause);
    dispatcher.request(silent()).subscribe().unsubscribe();
    expect(spans.map(({ name, outcome }) => `${name} ${outcome}`)).to.deep.equal([
      "test.inner failed",
      "test.outer failed",
      "test.silent abandoned",
    ]);
    expect(spans.map(({ error: told }) => told)).to.deep.equal([error, error, undefined]);
    spans = [];
    const nobody = defineRequest<void, void>("test.nobody")();
    await firstValueFrom(dispatcher.request(nobody)).catch(() => undefined);
    expect(spans.map(({ name, outcome }) => `${name} ${outcome}`)).to.deep.equal(["test.nobody failed"]);
    for (const { duration } of spans) expect(duration).to.be.at.least(0);
  });

  it("traces the life of a container, given to a runtime", async () => {
    const directory = mkdtempSync(join(tmpdir(), "kata-ts-tracer-"));
    const interceptors = [tracer((span) => spans.push(span))];
    const world = new FakeWorld({ directory, plugins: [virtContainer], interceptors });
    try {
      await world.run("a");
      const id = { containerId: "a", execId: "" };
      await world.runtime.request(killTask({ ...id, signal: 9, all: false }));
      await world.runtime.request(waitTask(id));
      await world.runtime.request(deleteTask(id));
      expect(spans.map(({ name, outcome }) => `${name} ${outcome}`)).to.deep.equal([
        "task.create answered",
        "task.start answered",
        "task.kill answered",
        "task.wait answered",
        "task.delete answered",
      ]);
    } finally {
      await world.runtime.close();
      rmSync(directory, { recursive: true });
    }
  });
});
