import { expect } from "chai";
import type { ContainerChecks } from "./list.js";

const MiB = 1024 * 1024;
/** Lets a container see its own control group. */
const showCgroup = ["--mount", "type=cgroup,src=cgroup,dst=/sys/fs/cgroup,options=ro:nosuid:noexec:nodev"];

/** Limits of a container. */
export const limits: ContainerChecks = ({ suite, pod }) => {
  const flags = ["--memory-limit", String(64 * MiB), "--cpus", "0.5", "--cpu-shares", "512", ...showCgroup];
  let limited: string;

  before("run one that has some", async () => {
    limited = suite.newId();
    const { stderr } = await suite.containerd.run(limited, ["-d", ...pod.flags, ...flags], ["sleep", "100000"]);
    expect(stderr).to.equal("");
  });
  after(() => suite.containerd.remove(limited));

  /** Values of files of its own control group, as the guest's kernel has them. */
  async function cgroup(...files: readonly string[]): Promise<string[]> {
    const paths = files.map((file) => `/sys/fs/cgroup/${file}`);
    const { stdout } = await suite.containerd.ctr(["tasks", "exec", "--exec-id", "c", limited, "cat", ...paths]);
    return stdout.split("\n").slice(0, -1);
  }

  const update = (resources: unknown): Promise<unknown> =>
    suite.containerd.update(limited, resources).then(
      () => undefined,
      (error: unknown) => error,
    );

  it("are the guest's kernel's to keep", async () => {
    const values = await cgroup("memory.max", "cpu.max", "cpu.weight");
    expect(values).to.deep.equal([String(64 * MiB), "50000 100000", "20"]);
  });

  it("are set anew while it runs, those that are named and no others", async () => {
    expect(await update({ memory: { limit: 96 * MiB } })).to.equal(undefined);
    expect(await cgroup("memory.max", "cpu.max")).to.deep.equal([String(96 * MiB), "50000 100000"]);
    expect(await update({ cpu: { quota: 30_000, period: 50_000, shares: 1024 } })).to.equal(undefined);
    expect(await cgroup("memory.max", "cpu.max", "cpu.weight")).to.deep.equal([String(96 * MiB), "30000 50000", "39"]);
    expect(await update({ pids: { limit: 40 } })).to.equal(undefined);
    expect(await cgroup("pids.max", "cpu.max")).to.deep.equal(["40", "30000 50000"]);
    expect(await update({ memory: { limit: -1 } })).to.equal(undefined);
    expect(await cgroup("memory.max")).to.deep.equal(["max"]);
    const { stdout } = await suite.containerd.ctr(["tasks", "metrics", limited]);
    expect(Number(/memory\.usage(?:_in_bytes)?\s+(\d+)/.exec(stdout)?.[1])).to.be.greaterThan(100_000);
  });

  it("that make no sense are refused, and nothing is changed", async () => {
    const [before] = await cgroup("cpu.max");
    for (const [resources, field] of [
      [{ memory: { limit: "much" } }, "memory.limit"],
      [{ cpu: { quota: [] } }, "cpu.quota"],
      ["all of it", "resources"],
    ] as const) {
      const error = await update(resources);
      expect(String(error)).to.include("INVALID_ARGUMENT").and.include(field);
    }
    expect(await cgroup("cpu.max")).to.deep.equal([before]);
  });

  it("end a process that wants more, which is told before its end: OOM, then exit with 137", async () => {
    const events = await suite.containerd.events();
    const id = suite.newId();
    try {
      const flags = ["-d", ...pod.flags, "--memory-limit", String(32 * MiB)];
      expect((await suite.containerd.run(id, flags, ["tail", "/dev/zero"])).stderr).to.equal("");
      const told = await events.until(id, "exit");
      expect(told.map(({ topic }) => topic)).to.deep.equal([
        "/tasks/create",
        "/tasks/start",
        "/tasks/oom",
        "/tasks/exit",
      ]);
      expect(told.at(-1)?.fields).to.include({ exit_status: 137 });
    } finally {
      await suite.containerd.remove(id);
      await events.close();
    }
    expect((await suite.containerd.tasks()).get(limited)).to.equal("RUNNING");
  });

  it("tell of a process of it that was ended, while it goes on", async () => {
    const events = await suite.containerd.events();
    const id = suite.newId();
    try {
      const flags = ["--rm", ...pod.flags, "--memory-limit", String(32 * MiB)];
      const script = "tail /dev/zero; echo it ended with $?; exit 3";
      const { status, stdout } = await suite.containerd.run(id, flags, ["sh", "-c", script]);
      expect({ status, stdout }).to.deep.equal({ status: 3, stdout: "it ended with 137\n" });
      const told = await events.until(id, "delete");
      expect(told.map(({ topic }) => topic)).to.include("/tasks/oom");
    } finally {
      await events.close();
    }
  });
};
