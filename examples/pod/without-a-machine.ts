/** How code that runs containers is tested where there is no machine: `node --test dist/examples/pod/without-a-machine.js`. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { builtins, taskStarted } from "kata-ts";
import { FakeWorld } from "kata-ts/testing";
import { runPod } from "./pod.js";

const directory = mkdtempSync(join(tmpdir(), "example-pod-"));
// Of the plugins that come with the library the runtime handler is the real one; around it all is pretended.
const handler = builtins.map(({ plugin }) => plugin).filter(({ kind }) => kind === "handler");
const world = new FakeWorld({ directory, plugins: handler });
const files = { rootPath: "/root", bundles: "/bundles", output: join(directory, "output") };
const options = { name: "pod", server: ["serve"], client: ["ask"], ...files };

await test("a pod ends as its client does, and leaves nothing", async () => {
  world.runtime.events.subscribe(taskStarted, "test", ({ containerId }) => {
    if (containerId === "pod-client") setImmediate(() => world.agent.process(containerId).end(7));
  });
  assert.equal(await runPod(world.runtime, options), 7);
  assert.equal(world.hypervisors.length, 1);
  assert.deepEqual(await world.left(), []);
});

await test("a pod whose agent refuses its containers is an error, and leaves nothing", async () => {
  world.prepareAgent = (agent) => agent.failures.set("createContainer", new Error("not today"));
  await assert.rejects(runPod(world.runtime, options), /not today/);
  assert.deepEqual(await world.left(), []);
});

await world.runtime.close();
rmSync(directory, { recursive: true });
