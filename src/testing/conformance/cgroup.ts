import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, rmdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseCgroupsPath } from "../../core/cgroup/place.js";
import type { Cgroup, CgroupDriver } from "../../core/contracts/cgroup.js";
import { KataError } from "../../core/errors/error.js";
import type { Place, Subject, Trial } from "./check.js";
import { failureOf } from "./promises.js";
import type { Stage } from "./stage.js";

type CgroupStage = Stage<Subject, CgroupDriver>;
type CgroupTrial = Trial<Subject, CgroupDriver>;

/** Pretends that the host has cgroups, of version 2, unless the kernel is the real one. */
export async function arrangeHierarchy({ directory, sys }: Place, subject: Subject): Promise<void> {
  if (subject.sys !== "real") await sys.mountCgroups(join(directory, "cgroup"));
}

export const cgroupOffers = ({ roots }: Pick<CgroupStage, "roots">): readonly string[] => [roots.cgroup];

/** One for the trial alone; `driver` is a new instance. */
async function open(stage: CgroupStage, name = "one"): Promise<Cgroup> {
  const driver = await stage.instance();
  const { record } = stage.environment.info;
  const place = parseCgroupsPath(`/${basename(stage.directory)}/${name}`, "the conformance suite");
  return driver.open({ place, record });
}

/** A trial in which a cgroup is made, and is gone afterwards with what is above it. */
const withCgroup = (name: string, run: (cgroup: Cgroup, stage: CgroupStage) => Promise<void>): CgroupTrial => ({
  name,
  async run(stage) {
    const cgroup = await open(stage);
    await cgroup.create();
    try {
      assert.ok(existsSync(cgroup.directory), `${cgroup.directory} is not there`);
      await run(cgroup, stage);
    } finally {
      await cgroup.remove();
    }
    assert.equal(existsSync(cgroup.directory), false, `${cgroup.directory} is left`);
    assert.deepEqual(await stage.left(), []);
  },
});

export const cgroupTrials: readonly CgroupTrial[] = [
  {
    name: "takes a host that has its kind of hierarchy, and no other directory",
    async run(stage) {
      const driver = await stage.instance();
      const empty = join(stage.directory, "empty");
      await mkdir(empty);
      assert.equal(driver.match(empty), 0, "it takes an empty directory");
      await rmdir(empty);
      assert.ok(driver.match(stage.roots.cgroup) > 0, `it does not take ${stage.roots.cgroup}`);
    },
  },
  {
    name: "may be removed though it was never made",
    async run(stage) {
      await (await open(stage)).remove();
      assert.deepEqual(await stage.left(), []);
    },
  },
  withCgroup("is made, and removed more than once", async (cgroup) => {
    await cgroup.remove();
    await cgroup.remove();
  }),
  withCgroup("goes beside another one below the same", async (_cgroup, stage) => {
    const other = await open(stage, "two");
    await other.create();
    await other.remove();
    assert.equal(existsSync(other.directory), false);
  }),
  withCgroup("takes limits, and lifts them", async (cgroup) => {
    await cgroup.update({ cpu: { quota: 50_000, period: 100_000 }, pids: { limit: 100 } });
    await cgroup.update({});
  }),
  withCgroup("has a process until that ends, and says what keeps it from being removed", async (cgroup) => {
    const child = spawn("sleep", ["1000"], { stdio: "ignore" });
    const ended = once(child, "exit");
    try {
      await cgroup.add(child.pid ?? 0);
      const failure = await failureOf(cgroup.remove());
      assert.ok(failure instanceof KataError, `it is removed with a process in it, or fails with ${String(failure)}`);
      assert.match(failure.message, new RegExp(`\\b${child.pid}\\b`), "its error does not name the process");
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
  }),
  withCgroup("takes a process that has ended without an error", async (cgroup) => {
    const child = spawn("true", { stdio: "ignore" });
    await once(child, "exit");
    await cgroup.add(child.pid ?? 0);
  }),
  // What removes it then is the record of the sandbox that is taken over.
  withCgroup("is found by another process that goes on with it", async (_cgroup, stage) => {
    const next = await open(stage);
    assert.equal(await next.adopt(), true, "it does not find it");
    await next.update({ pids: { limit: 100 } });
    await next.remove();
  }),
  {
    name: "takes over nothing when there is nothing",
    run: async (stage) => assert.equal(await (await open(stage)).adopt(), false),
  },
];
