import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RuntimeHandler } from "../../core/contracts/runtime-handler.js";
import { codeOf, KataError } from "../../core/errors/error.js";
import {
  connectTask,
  deleteTask,
  execTask,
  killTask,
  pauseTask,
  resumeTask,
  startTask,
  taskPids,
  taskState,
  taskStats,
  updateTask,
  waitTask,
} from "../../core/messages/task.js";
import type { Plugin } from "../../core/plugin/plugin.js";
import { FakeWorld, podAnnotations } from "../fake-world.js";
import type { Subject, Trial } from "./check.js";
import { failureOf } from "./promises.js";
import { refusals } from "./refusable.js";
import type { Stage } from "./stage.js";

type HandlerTrial = Trial<Subject, RuntimeHandler>;

const id = (containerId: string, execId = "") => ({ containerId, execId });
const sleep = { args: ["sleep", "1000"], cwd: "/", user: { uid: 0, gid: 0 } };
const sigterm = 15;

/** Where in a container's life each failure of the guest or the machine is. */
const failures: Readonly<Record<string, (world: FakeWorld) => void>> = {
  "the machine does not start": (world) => {
    world.prepareHypervisor = (machine) => void (machine.startError = new Error("no machine"));
  },
  ...Object.fromEntries(
    ["connect", "createSandbox", "createContainer"].map((call) => [
      `the agent refuses ${call}`,
      (world: FakeWorld) => {
        world.prepareAgent = (agent) => void agent.failures.set(call, new Error(`no ${call}`));
      },
    ]),
  ),
};

/** What a handler that does not answer a message may say: the promise is of those that it does answer. */
const isUnanswered = (error: unknown): boolean => codeOf(error) === "KATA_DISPATCH_UNHANDLED";

/** What is left of sandboxes: all but the directory of their namespace. */
const left = async (world: FakeWorld): Promise<string[]> => (await world.left()).filter((name) => name.includes("/"));

/** What holds for runtime handlers: containers are played through, with a machine, an agent and storage in memory. */
export function handlerTrials(plugin: Plugin): readonly HandlerTrial[] {
  const inWorld = (
    name: string,
    run: (world: FakeWorld, stage: Stage<Subject, RuntimeHandler>) => Promise<void>,
  ): HandlerTrial => ({
    name,
    async run(stage) {
      const directory = join(stage.directory, "world");
      await mkdir(directory);
      const world = new FakeWorld({
        directory,
        plugins: [plugin, ...(stage.subject.plugins ?? [])],
        toml: { runtime: stage.subject.toml ?? "" },
        sys: stage.sys,
      });
      try {
        await run(world, stage);
        await world.runtime.close();
        assert.deepEqual(await left(world), []);
      } finally {
        await world.runtime.close();
        await rm(directory, { recursive: true });
      }
    },
  });

  return [
    inWorld("plays a container's life, and tells each step of it", async (world) => {
      await world.run("one");
      await world.runtime.request(killTask({ ...id("one"), signal: sigterm, all: false }));
      assert.equal((await world.runtime.request(waitTask(id("one")))).status, 128 + sigterm);
      await world.runtime.request(deleteTask(id("one")));
      assert.deepEqual(world.events, ["create one", "start one", `exit one ${128 + sigterm}`, "delete one"]);
      assert.deepEqual(await left(world), []);
    }),
    inWorld("says of what is not there that it is not", async (world) => {
      const { runtime } = world;
      const asked: Readonly<Record<string, () => Promise<unknown>>> = {
        start: () => runtime.request(startTask(id("none"))),
        delete: () => runtime.request(deleteTask(id("none"))),
        kill: () => runtime.request(killTask({ ...id("none"), signal: sigterm, all: false })),
        wait: () => runtime.request(waitTask(id("none"))),
        state: () => runtime.request(taskState(id("none"))),
        exec: () => runtime.request(execTask({ ...id("none", "e"), process: sleep, io: { terminal: false } })),
        pids: () => runtime.request(taskPids({ containerId: "none" })),
        pause: () => runtime.request(pauseTask({ containerId: "none" })),
        resume: () => runtime.request(resumeTask({ containerId: "none" })),
        update: () => runtime.request(updateTask({ containerId: "none", resources: {} })),
        stats: () => runtime.request(taskStats({ containerId: "none" })),
        connect: () => runtime.request(connectTask({ containerId: "none" })),
      };
      for (const [name, ask] of Object.entries(asked)) {
        const failure = await failureOf(ask());
        if (isUnanswered(failure)) continue;
        assert.ok(failure instanceof KataError, `"${name}" fails with ${String(failure)}`);
        assert.equal(failure.status, "NOT_FOUND", `"${name}": ${failure.message}`);
      }
    }),
    inWorld("takes an id once", async (world) => {
      await world.create("one");
      const failure = await failureOf(world.create("one"));
      assert.ok(
        failure instanceof KataError && failure.status === "ALREADY_EXISTS",
        `it fails with ${String(failure)}`,
      );
      assert.equal((await world.runtime.request(taskState(id("one")))).status, "created");
    }),
    inWorld("runs further processes in a container", async (world) => {
      await world.run("one");
      const process = id("one", "more");
      const failure = await failureOf(
        world.runtime.request(execTask({ ...process, process: sleep, io: { terminal: false } })),
      );
      if (isUnanswered(failure)) return;
      assert.equal(failure, undefined);
      await world.runtime.request(startTask(process));
      world.agent.process("one", "more").end(7);
      assert.equal((await world.runtime.request(waitTask(process))).status, 7);
      await world.runtime.request(deleteTask(process));
      assert.equal((await world.runtime.request(taskState(id("one")))).status, "running");
    }),
    inWorld("runs the containers of a pod in one machine", async (world) => {
      await world.run("pod", podAnnotations("sandbox"));
      await world.run("one", podAnnotations("container"));
      assert.equal(world.hypervisors.length, 1);
      for (const one of ["one", "pod"]) {
        await world.runtime.request(killTask({ ...id(one), signal: sigterm, all: false }));
        await world.runtime.request(waitTask(id(one)));
        await world.runtime.request(deleteTask(id(one)));
      }
      assert.deepEqual(await left(world), []);
    }),
    inWorld("tells of the end of a container when its machine has died", async (world) => {
      await world.run("one");
      const exit = world.runtime.request(waitTask(id("one")));
      world.hypervisor.crash();
      assert.notEqual((await exit).status, 0);
      await world.runtime.request(deleteTask(id("one")));
      assert.deepEqual(await left(world), []);
    }),
    ...Object.entries(failures).map(([what, arrange]) =>
      inWorld(`leaves nothing when ${what}`, async (world) => {
        arrange(world);
        assert.ok((await failureOf(world.create("one"))) instanceof Error, "the container is created nevertheless");
        assert.deepEqual(await left(world), []);
        // It goes on: the next one is a container like any other.
        world.prepareHypervisor = () => undefined;
        world.prepareAgent = () => undefined;
        await world.run("one");
      }),
    ),
    inWorld("leaves nothing whichever call the kernel refuses", async (world, stage) => {
      for (const refuse of refusals(stage.sys)) {
        const refusal = refuse();
        const failure = await failureOf(world.run("one"));
        refusal.end();
        if (failure === undefined) {
          await world.runtime.request(killTask({ ...id("one"), signal: 9, all: false }));
          await world.runtime.request(waitTask(id("one")));
        }
        await failureOf(world.runtime.request(deleteTask(id("one"))));
        assert.deepEqual(await left(world), [], `after ${refusal.refused ?? "no call"} was refused`);
      }
    }),
    inWorld("ends every container when it is closed", async (world) => {
      await world.run("one");
      await world.run("two");
      await world.runtime.close();
      for (const { calls } of world.hypervisors) {
        assert.ok(calls.includes("stop") || calls.includes("destroy"), "a machine goes on");
      }
      assert.deepEqual(await left(world), []);
    }),
    inWorld("ends every container at once when it is told to", async (world) => {
      await world.run("one");
      await world.runtime.destroy(new Error("not wanted"));
      assert.deepEqual(await left(world), []);
    }),
  ];
}
