import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { openScope } from "../../../../src/core/cgroup/open-scope.js";
import { parseCgroupsPath } from "../../../../src/core/cgroup/place.js";
import type { Cgroup } from "../../../../src/core/contracts/cgroup.js";
import { codeOf } from "../../../../src/core/errors/error.js";
import { silentLogger } from "../../../../src/core/log.js";
import type { PluginContext } from "../../../../src/core/plugin/context.js";
import { defaultRoots } from "../../../../src/core/runtime/roots.js";
import { SandboxRecord } from "../../../../src/core/sandbox/record.js";
import { undoRecord } from "../../../../src/core/sandbox/undo-record.js";
import { createLinuxSys } from "../../../../src/core/sys/linux/index.js";
import { systemdMark } from "../../../../src/core/systemd/host.js";
import { plugin as v1 } from "../../../../src/plugins/cgroups/v1/index.js";
import { plugin as v2 } from "../../../../src/plugins/cgroups/v2/index.js";
import { cgroupOf, hostHasV2 } from "../../../support/host-cgroup.js";
import { checkLeaks } from "../../../support/leaks.js";
import { loadedUnits, reload, shown } from "../../../support/systemctl.js";

const MiB = 1024 * 1024;
const root = defaultRoots.cgroup;

describe("a scope of systemd", () => {
  const sys = createLinuxSys();
  const children: ChildProcess[] = [];
  let directory: string;
  let record: SandboxRecord;
  let units: string[];

  checkLeaks(() => ({ marks: ["katatest"] }));

  beforeEach(() => {
    units = loadedUnits();
    directory = mkdtempSync(join(tmpdir(), "kata-ts-scope-"));
    record = recordOf("s");
  });

  const runDirectory = (id: string): string => join(directory, "test", id);
  const recordOf = (id: string): SandboxRecord => {
    mkdirSync(runDirectory(id), { recursive: true });
    return SandboxRecord.create(runDirectory(id), { namespace: "test", id });
  };

  afterEach("no unit is left", async () => {
    for (const child of children.splice(0)) await end(child);
    rmSync(directory, { recursive: true });
    expect(loadedUnits().filter((name) => !units.includes(name))).to.deep.equal([]);
  });

  const open = async (path = "katatest-pod.slice:kata:c1", notes = record): Promise<Cgroup> => {
    const place = parseCgroupsPath(path, "the test");
    const scope = openScope({ place, record: notes, directory: join(root, ...place.path), mark: systemdMark });
    if (scope === undefined) throw new Error("systemd does not run here");
    const context = { sys, log: silentLogger, roots: defaultRoots } as unknown as PluginContext;
    const driver = await (hostHasV2() ? v2 : v1).create(context, undefined);
    return driver.open({ place, record: notes, scope });
  };
  const start = (): number => {
    const child = spawn("sleep", ["1000"], { stdio: "ignore" });
    children.push(child);
    return child.pid ?? expect.fail("no process");
  };
  const end = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  const unit = "kata-c1.scope";
  const at = `/katatest.slice/katatest-pod.slice/${unit}`;
  const controllers = hostHasV2() ? [""] : ["cpu", "cpuset", "memory", "pids", "blkio"];
  const places = (pid: number): string[] => [...new Set(controllers.map((name) => cgroupOf(pid, pid, name)))];
  const file = (controller: string, name: string): string =>
    readFileSync(join(root, hostHasV2() ? "" : controller, at, name), "utf8").trim();
  const failure = (act: Promise<unknown>): Promise<Error> =>
    act.then(
      () => expect.fail("nothing was thrown"),
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );

  it("is in its slice with its first process, and gone with all that was made for it", async () => {
    const cgroup = await open();
    await cgroup.create();
    expect(shown(unit, "LoadState")).to.deep.equal({ LoadState: "not-found" });
    const [first, second] = [start(), start()];
    await cgroup.add(first);
    await cgroup.add(second);
    expect([places(first), places(second)]).to.deep.equal([[at], [at]]);
    const names = ["ActiveState", "Slice", "Delegate", "ControlGroup", "TasksMax", "Description", "CollectMode"];
    expect(shown(unit, ...names)).to.deep.equal({
      ActiveState: "active",
      Slice: "katatest-pod.slice",
      Delegate: "yes",
      ControlGroup: at,
      TasksMax: "infinity",
      Description: "kata-ts sandbox test/s",
      CollectMode: "inactive-or-failed",
    });
    expect(record.content.paths).to.deep.include({ kind: "unit", path: join(root, at) });
    for (const child of children) await end(child);
    await cgroup.remove();
    await cgroup.remove();
    expect(record.content.paths).to.deep.equal([]);
    expect(shown(unit, "LoadState")).to.deep.equal({ LoadState: "not-found" });
  });

  it("has limits that systemd knows, and that it keeps when it looks at its units anew, until they are lifted", async () => {
    const cgroup = await open();
    await cgroup.create();
    await cgroup.update({ memory: { limit: 64 * MiB } });
    await cgroup.add(start());
    const limits = {
      cpu: { quota: 150_000, period: 100_000, shares: 2048, cpus: "0", mems: "0" },
      memory: { limit: 128 * MiB, reservation: 32 * MiB },
    };
    await cgroup.update(limits);
    const values = () =>
      hostHasV2()
        ? ["cpu.max", "cpu.weight", "cpuset.cpus", "cpuset.mems", "memory.max", "memory.low"].map((one) =>
            file("", one),
          )
        : [
            file("cpu", "cpu.cfs_quota_us"),
            file("cpu", "cpu.shares"),
            file("cpuset", "cpuset.cpus"),
            file("cpuset", "cpuset.mems"),
            file("memory", "memory.limit_in_bytes"),
            file("memory", "memory.soft_limit_in_bytes"),
          ];
    const expected = hostHasV2()
      ? ["150000 100000", "79", "0", "0", String(128 * MiB), String(32 * MiB)]
      : ["150000", "2048", "0", "0", String(128 * MiB), String(32 * MiB)];
    expect(values()).to.deep.equal(expected);
    const known = hostHasV2()
      ? { CPUQuotaPerSecUSec: "1.500000s", CPUWeight: "79", AllowedCPUs: "0", MemoryMax: String(128 * MiB) }
      : { CPUQuotaPerSecUSec: "1.500000s", CPUShares: "2048", MemoryLimit: String(128 * MiB) };
    expect(shown(unit, ...Object.keys(known))).to.deep.equal(known);
    reload();
    expect(values()).to.deep.equal(expected);
    await cgroup.update({ cpu: { quota: 30_000 } });
    reload();
    expect(file("cpu", hostHasV2() ? "cpu.max" : "cpu.cfs_quota_us")).to.match(/^30000\b/);
    const memory = file("memory", hostHasV2() ? "memory.max" : "memory.limit_in_bytes");
    expect(memory).to.equal(hostHasV2() ? "max" : "9223372036854771712");
    await cgroup.update({});
    reload();
    expect(file("cpu", hostHasV2() ? "cpu.max" : "cpu.cfs_quota_us")).to.match(/^(?:max 100000|-1)$/);
    await end(children[0] ?? expect.fail("no process"));
    await cgroup.remove();
  });

  it("keeps what it has no property for, and the threads of a machine in their own place, when it looks anew", async () => {
    const cgroup = await open();
    await cgroup.create();
    const [shim, vmm] = [await open("katatest-overhead.slice:kata:c1o"), start()];
    await shim.create();
    await shim.add(vmm);
    const overhead = "/katatest.slice/katatest-overhead.slice/kata-c1o.scope";
    await shim.add(start());
    await cgroup.addMachine(vmm);
    expect(await cgroup.addThreads([vmm])).to.equal(undefined);
    await cgroup.update({ cpu: { quota: 50_000 }, blockIO: { weight: 300 } });
    const seen = () => ({
      memory: cgroupOf(vmm, vmm, "memory"),
      cpu: cgroupOf(vmm, vmm, "cpu"),
      quota: hostHasV2() ? file("", "vcpus/cpu.max") : file("cpu", "vcpus/cpu.cfs_quota_us"),
    });
    const inside = `${at}/vcpus`;
    const expected = {
      memory: hostHasV2() ? inside : at,
      cpu: inside,
      quota: hostHasV2() ? "50000 100000" : "50000",
    };
    expect(seen()).to.deep.equal(expected);
    reload();
    expect(seen()).to.deep.equal(expected);
    expect(places(children.at(-1)?.pid ?? 0)).to.deep.equal([overhead]);
    for (const child of children) await end(child);
    await Promise.all([cgroup.remove(), shim.remove()]);
  });

  it("lets this process go back to where it was before it ends", async () => {
    const before = places(process.pid);
    const cgroup = await open();
    await cgroup.create();
    await cgroup.add(process.pid);
    expect(places(process.pid)).to.deep.equal([at]);
    await cgroup.remove();
    expect(places(process.pid)).to.deep.equal(before);
  });

  it("is ended with what is still in it", async () => {
    const cgroup = await open();
    await cgroup.create();
    await cgroup.add(start());
    const ended = once(children[0] ?? expect.fail("no process"), "exit");
    await cgroup.remove();
    expect((await ended)[1]).to.equal("SIGTERM");
  });

  it("goes with its last process, is begun anew with the next, and is not begun with one that has ended", async () => {
    const cgroup = await open();
    await cgroup.create();
    await cgroup.add(start());
    await cgroup.update({ cpu: { quota: 50_000 } });
    await end(children[0] ?? expect.fail("no process"));
    for (let looks = 0; looks < 200 && existsSync(join(root, hostHasV2() ? "" : "cpu", at)); looks++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await cgroup.update({ cpu: { quota: 60_000 } });
    await cgroup.add(children[0]?.pid ?? 0);
    expect(shown(unit, "LoadState")).to.deep.equal({ LoadState: "not-found" });
    await cgroup.add(start());
    expect(file("cpu", hostHasV2() ? "cpu.max" : "cpu.cfs_quota_us")).to.match(/^60000\b/);
    await cgroup.remove();
  });

  it("is not another's, and leaves the slice to others that are in it", async () => {
    const [one, other] = [await open(), await open("katatest-pod.slice:kata:c2")];
    await one.create();
    await one.add(start());
    const error = await failure((await open()).create());
    expect(codeOf(error)).to.equal("KATA_CGROUP_TAKEN");
    expect(error.message).to.include(`the unit ${unit} of systemd ("kata-ts sandbox test/s", active)`);
    await other.create();
    await other.add(start());
    await one.remove();
    expect(shown("katatest-pod.slice", "ActiveState")).to.deep.equal({ ActiveState: "active" });
    await other.remove();
  });

  it("can be begun at once with others in slices that none of them has found", async () => {
    const numbers = [1, 2, 3, 4];
    const all = await Promise.all(
      numbers.map((number) => open(`katatest-many.slice:kata:m${number}`, recordOf(`m${number}`))),
    );
    await Promise.all(all.map((one) => one.create()));
    await Promise.all(all.map((one) => one.add(start())));
    await Promise.all(all.map((one) => one.remove()));
  });

  it("is undone by its record after its shim was killed, with what still runs in it", async () => {
    const cgroup = await open();
    await cgroup.create();
    await cgroup.addMachine(start());
    await cgroup.addThreads([children[0]?.pid ?? 0]);
    const ended = once(children[0] ?? expect.fail("no process"), "exit");
    const content = SandboxRecord.load(runDirectory("s"))?.content ?? expect.fail("no record");
    expect(await undoRecord(sys, content)).to.deep.equal([]);
    await ended;
    expect(await undoRecord(sys, content)).to.deep.equal([]);
  });

  it("stays when its record is an old one of another sandbox's", async () => {
    const cgroup = await open();
    await cgroup.create();
    await cgroup.add(start());
    const content = { ...record.content, sandboxId: "older", paths: [{ kind: "unit", path: join(root, at) }] } as const;
    expect(await undoRecord(sys, content)).to.deep.equal([]);
    expect(shown(unit, "ActiveState")).to.deep.equal({ ActiveState: "active" });
    await cgroup.remove();
  });

  it("is gone on with by another shim, also when its last process has ended meanwhile", async () => {
    const cgroup = await open();
    await cgroup.create();
    await cgroup.add(start());
    await cgroup.update({ cpu: { quota: 50_000 } });
    const loaded = SandboxRecord.load(runDirectory("s")) ?? expect.fail("no record");
    const next = await open(undefined, loaded);
    expect(await next.adopt()).to.equal(true);
    await next.update({ cpu: { quota: 60_000 } });
    expect(file("cpu", hostHasV2() ? "cpu.max" : "cpu.cfs_quota_us")).to.match(/^60000\b/);
    await end(children[0] ?? expect.fail("no process"));
    const last = await open(undefined, loaded);
    expect(await last.adopt()).to.equal(true);
    await last.add(start());
    expect(places(children[1]?.pid ?? 0)).to.deep.equal([at]);
    await last.remove();
    // As at the end of a sandbox that was taken over.
    expect(await undoRecord(sys, loaded.content)).to.deep.equal([]);
    expect(await (await open(undefined, SandboxRecord.load(runDirectory("s")))).adopt()).to.equal(false);
  });

  it("says what systemd does not take", async () => {
    const error = await failure((await open("katatest.slice:ka@ta:@")).create());
    expect(codeOf(error)).to.equal("KATA_SYSTEMD_REFUSED");
    expect(error.message).to.include("the unit ka@ta-@.scope");
    const limited = await open();
    await limited.create();
    await limited.add(start());
    const refused = await failure(limited.update({ cpu: { cpus: "4000" } }));
    expect(codeOf(refused)).to.equal("KATA_CGROUP_LIMIT");
    await limited.remove();
    expect(codeOf(await failure((await open("katatest.slice:x:a.slice")).create()))).to.equal("KATA_CGROUP_PATH");
  });
});
