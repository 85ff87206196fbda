import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { taskStarted } from "kata-ts";
import { FakeWorld } from "kata-ts/testing";
import { runPod } from "../../../examples/pod/pod.js";
import { plugin as virtContainer } from "../../../src/plugins/handlers/virt-container/index.js";
import { projectDirectory } from "../../support/project.js";

describe("the example of a pod", () => {
  let directory: string;
  let world: FakeWorld;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kata-ts-example-pod-"));
    world = new FakeWorld({ directory, plugins: [virtContainer] });
  });

  afterEach(async () => {
    await world.runtime.close();
    rmSync(directory, { recursive: true });
  });

  const run = () => {
    const files = { rootPath: "/root", bundles: "/bundles", output: join(directory, "output") };
    return runPod(world.runtime, { name: "pod", ...files, server: ["serve"], client: ["ask"] });
  };

  /** What happens in the guest once the client runs. */
  const whenClientRuns = (act: () => void): void =>
    void world.runtime.events.subscribe(taskStarted, "test", ({ containerId }) => {
      if (containerId === "pod-client") setImmediate(act);
    });

  it("runs both containers in one machine, and answers as the client ends", async () => {
    whenClientRuns(() => world.agent.process("pod-client").end(7));
    expect(await run()).to.equal(7);
    expect(world.hypervisors).to.have.length(1);
    expect(world.events).to.deep.equal([
      "create pod-server",
      "start pod-server",
      "create pod-client",
      "start pod-client",
      "exit pod-client 7",
      "delete pod-client",
      "exit pod-server 137",
      "delete pod-server",
    ]);
    expect(await world.left()).to.deep.equal([]);
  });

  for (const call of ["connect", "createContainer", "startContainer"]) {
    it(`leaves nothing when the agent refuses ${call}`, async () => {
      world.prepareAgent = (agent) => agent.failures.set(call, new Error("not today"));
      const error: unknown = await run().catch((cause: unknown) => cause);
      expect(String(error)).to.include("not today");
      expect(await world.left()).to.deep.equal([]);
    });
  }

  it("ends the server when the client cannot be started", async () => {
    world.runtime.events.subscribe(taskStarted, "test", () => {
      world.agent.failures.set("startContainer", new Error("not today"));
    });
    const error: unknown = await run().catch((cause: unknown) => cause);
    expect(String(error)).to.include("not today");
    expect(world.events).to.include("delete pod-server").and.to.include("delete pod-client");
    expect(await world.left()).to.deep.equal([]);
  });
});

describe("the example of a test without a machine", () => {
  it("passes", () => {
    const file = join(projectDirectory(), "dist/examples/pod/without-a-machine.js");
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--test", file], { encoding: "utf8" });
    expect(status, stdout + stderr).to.equal(0);
    expect(stdout)
      .to.match(/^. pass 2$/m)
      .and.match(/^. fail 0$/m);
  }).timeout(60_000);
});
