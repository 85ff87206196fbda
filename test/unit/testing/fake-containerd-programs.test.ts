import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { FakeContainerd, shimProgram } from "../../../src/testing/index.js";
import { projectDirectory } from "../../support/project.js";
import { podAnnotations, ShimFixture } from "../../support/shim.js";

const example = join(projectDirectory(), "dist/examples/shim/shim.js");

/** Shims that are programs, over a handler without machines, so that they need no right. */
const programs: Readonly<Record<string, (shim: ShimFixture) => void>> = {
  "the built one": () => undefined,
  "the example of one's own": ({ program, roots }) => {
    const lines = ["#!/bin/sh", `export EXAMPLE_SHIM_RUN=${roots.run}`, `exec ${process.execPath} ${example} "$@"`, ""];
    writeFileSync(program, lines.join("\n"));
    chmodSync(program, 0o755);
  },
};

for (const [what, prepare] of Object.entries(programs)) {
  describe(`a fake containerd, with a shim that is a program: ${what}`, () => {
    let directory: string;
    let fixture: ShimFixture;
    let containerd: FakeContainerd;

    beforeEach(async () => {
      directory = mkdtempSync(join(tmpdir(), "ktsp-"));
      fixture = new ShimFixture();
      prepare(fixture);
      containerd = await FakeContainerd.open({ directory, namespace: "test" });
    });
    afterEach(async () => {
      await containerd.close();
      fixture.close();
      rmSync(directory, { recursive: true });
    });

    const create = (id: string, args: readonly string[], annotations: Readonly<Record<string, string>> = {}) =>
      containerd.create({
        id,
        shim: shimProgram(fixture.program),
        configPath: fixture.configuration,
        annotations,
        spec: (usual) => ({ ...usual, process: { args: [...args], cwd: "/", user: { uid: 0, gid: 0 } } }),
      });

    /** Sockets of pods, and what is left of them otherwise: gone once the process that serves them has ended. */
    async function nothingLeft(): Promise<void> {
      const left = (): string[] => fixture.leftovers().filter((path) => path !== join(fixture.roots.run, "shared"));
      for (let looks = 0; left().length > 0 && looks < 500; looks++) await sleep(10);
      expect(left()).to.deep.equal([]);
      expect(readdirSync(join(directory, "bundles"))).to.deep.equal([]);
    }

    it("plays a container's life, is told of it, and leaves nothing", async () => {
      const task = await create("one", ["exit", "7"]);
      fixture.noteShims();
      await task.start();
      expect((await task.wait()).status).to.equal(7);
      expect((await task.delete()).status).to.equal(7);
      await containerd.told("/tasks/delete", "one");
      expect(containerd.topics("one")).to.deep.equal(["create", "start", "exit", "delete"]);
      await nothingLeft();
    });

    it("has a pod's containers in one process", async () => {
      const pod = await create("pod", ["sleep", "100"], podAnnotations("sandbox", "pod"));
      const one = await create("one", ["sleep", "100"], podAnnotations("container", "pod"));
      fixture.noteShims();
      for (const task of [pod, one]) await task.start();
      for (const task of [one, pod]) {
        await task.kill(9, { all: true });
        expect((await task.wait()).status).to.equal(137);
        await task.delete();
      }
      await nothingLeft();
    });
  });
}

describe("the log of a shim, as a fake containerd reads it", () => {
  it("is what the shim has written", async () => {
    const directory = mkdtempSync(join(tmpdir(), "ktsp-"));
    const fixture = new ShimFixture();
    const containerd = await FakeContainerd.open({ directory, namespace: "test" });
    try {
      const shim = shimProgram(fixture.program);
      const task = await containerd.create({ id: "one", shim, configPath: fixture.configuration });
      fixture.noteShims();
      for (let looks = 0; !containerd.log("one").includes("the shim serves") && looks < 500; looks++) await sleep(10);
      expect(containerd.log("one")).to.match(/msg="the shim serves".*shim=one/);
      await task.delete();
    } finally {
      await containerd.close();
      fixture.close();
      rmSync(directory, { recursive: true });
    }
  });
});
