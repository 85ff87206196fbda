import { expect } from "chai";
import { sandboxLimits } from "../../../../../src/core/cgroup/sandbox-limits.js";
import { cgroupErrors } from "../../../../../src/core/cgroup/errors.js";
import { recoverSandbox } from "../../../../../src/core/messages/recovery.js";
import { type CreateTask, createTask, updateTask } from "../../../../../src/core/messages/task.js";
import type { OciLinuxResources } from "../../../../../src/core/oci/spec.js";
import { SysError } from "../../../../../src/core/sys/sys-error.js";
import type { FakeHypervisor } from "../../../../../src/testing/fake-hypervisor.js";
import type { FakeCgroup } from "../../../../../src/testing/fake-cgroup.js";
import { Bench, type BenchOptions, failure, pod } from "./bench.js";

const MiB = 1024 * 1024;

describe("the host's cgroups of a sandbox", () => {
  let bench: Bench | undefined;

  afterEach(() => bench?.close());

  const open = async (options: BenchOptions = {}): Promise<Bench> => {
    bench = await Bench.open(undefined, { ownsProcess: true, ...options });
    return bench;
  };
  /** One whose sandboxes have one cgroup alone. */
  const openOnly = ({ runtime = "", ...options }: BenchOptions = {}) =>
    open({ ...options, runtime: `sandbox_cgroup_only = true\n${runtime}` });

  const request = (
    one: Bench,
    cgroupsPath?: string,
    resources?: OciLinuxResources,
    id = "a",
    annotations = {},
  ): CreateTask => {
    const created = one.request(id, annotations);
    const { linux } = created.spec;
    created.spec.linux = {
      ...linux,
      ...(cgroupsPath !== undefined && { cgroupsPath }),
      ...(resources && { resources }),
    };
    return created;
  };
  const create = (one: Bench, ...rest: [string?, OciLinuxResources?, string?, object?]) =>
    one.runtime.request(createTask(request(one, ...rest)));
  const cgroup = (one: Bench, path: string): FakeCgroup => one.cgroups.cgroups.get(path) ?? expect.fail(`no ${path}`);
  const threads = (one: Bench, ...tids: number[]): void => {
    one.prepareHypervisor = (hypervisor) => {
      hypervisor.capabilities["vcpu-threads"] = { threads: async () => tids };
    };
  };
  /** The calls but those for limits. */
  const calls = (one: FakeCgroup) => one.calls.filter((call) => call !== "update");

  it("are where the spec says, and one for the overhead, made before the machine and removed after it", async () => {
    const one = await open();
    threads(one, 41, 42);
    await create(one, "/a/b");
    const [sandbox, overhead] = [cgroup(one, "/a/b"), cgroup(one, "/kata_overhead/a")];
    expect(calls(overhead)).to.deep.equal(["create", `add ${process.pid}`]);
    expect(calls(sandbox)).to.deep.equal(["create", `addMachine ${process.pid}`, ...Array(3).fill("addThreads 41 42")]);
    const { hypervisor } = one;
    const stop = hypervisor.stop.bind(hypervisor);
    hypervisor.stop = () => {
      expect([...sandbox.calls, ...overhead.calls]).to.not.include("remove");
      return stop();
    };
    await one.runtime.close();
    expect([sandbox.calls.at(-1), overhead.calls.at(-1)]).to.deep.equal(["remove", "remove"]);
  });

  it("are at a place of ours when the spec does not say", async () => {
    const one = await open();
    await create(one);
    await failure(Promise.resolve().then(() => cgroup(one, "/a/b")));
    expect(cgroup(one, "/kata_sandboxed_pod/a").calls[0]).to.equal("create");
  });

  it("is one with sandbox_cgroup_only, which the shim is in before anything is started", async () => {
    const one = await openOnly();
    await create(one, "x.slice:p:n");
    expect([...one.cgroups.cgroups.keys()]).to.deep.equal(["/x.slice/p-n.scope"]);
    expect(calls(cgroup(one, "/x.slice/p-n.scope"))).to.deep.equal(["create", `add ${process.pid}`]);
  });

  it("are scopes of systemd where that runs the host, if they are named in its form; else directories", async () => {
    const one = await open({ systemd: true });
    await create(one, "x.slice:p:n");
    const seen = (bench: Bench) => [...bench.cgroups.cgroups].map(([path, { isScope }]) => [path, isScope]);
    expect(seen(one)).to.deep.equal([
      ["/x.slice/p-n.scope", true],
      ["/kata.slice/kata-overhead.slice/kata-overhead-a.scope", true],
    ]);
    await one.close();
    const other = await open({ systemd: true });
    await create(other, "/x.slice/b");
    expect(seen(other)).to.deep.equal([
      ["/x.slice/b", false],
      ["/kata_overhead/a", false],
    ]);
    await other.close();
    const without = await open();
    await create(without, "x.slice:p:n");
    expect(seen(without)).to.deep.equal([
      ["/x.slice/p-n.scope", false],
      ["/kata_overhead/a", false],
    ]);
  });

  it("is one for a machine in the shim's process, whatever is configured", async () => {
    const one = await open();
    one.prepareHypervisor = (hypervisor) => Object.assign(hypervisor, { inProcess: true });
    await create(one, "/a/b");
    expect([...one.cgroups.cgroups.keys()]).to.deep.equal(["/a/b"]);
    expect(calls(cgroup(one, "/a/b"))).to.deep.equal(["create", `add ${process.pid}`]);
  });

  it("takes all of a VMM that does not tell its threads, or whose threads cannot be moved", async () => {
    const one = await open();
    await create(one, "/a/b");
    expect(calls(cgroup(one, "/a/b")).slice(-2)).to.deep.equal([`addMachine ${process.pid}`, `add ${process.pid}`]);
    await one.close();
    const other = await open();
    threads(other, 41);
    other.cgroups.prepare = (made) => (made.threadsProblem = "no threads here");
    await create(other, "/a/b");
    expect(calls(cgroup(other, "/a/b"))).to.deep.equal([
      "create",
      `addMachine ${process.pid}`,
      "addThreads 41",
      `add ${process.pid}`,
    ]);
  });

  it("leaves a process alone that is not the sandbox's own, and takes what it starts", async () => {
    const one = await openOnly({ ownsProcess: false });
    one.prepareHypervisor = (hypervisor) => {
      const start = hypervisor.start.bind(hypervisor);
      hypervisor.start = async (spec) => {
        one.records.at(-1)?.process("vmm").started(process.ppid);
        await start(spec);
      };
    };
    await create(one, "/a/b");
    expect(calls(cgroup(one, "/a/b"))).to.deep.equal(["create", `add ${process.ppid}`]);
  });

  it("are gone on with by a shim that takes the place of another", async () => {
    const one = await open();
    const prepare = (hypervisor: FakeHypervisor): void => {
      hypervisor.outliveProcesses();
      hypervisor.capabilities["vcpu-threads"] = { threads: async () => [41] };
    };
    one.prepareHypervisor = prepare;
    const limits = { cpu: { quota: 50_000 } };
    await create(one, "/a/b", limits);
    const first = cgroup(one, "/a/b");
    const next = one.again();
    next.prepareHypervisor = prepare;
    await next.runtime.request(recoverSandbox({ sandboxId: "a" }));
    const [sandbox, overhead] = [cgroup(next, "/a/b"), cgroup(next, "/kata_overhead/a")];
    expect(sandbox.calls).to.deep.equal(["adopt", "addThreads 41", "update"]);
    expect(sandbox.limits).to.deep.equal(first.limits);
    expect(overhead.calls).to.deep.equal(["adopt", `add ${process.pid}`]);
    await next.runtime.close();
    expect([sandbox.calls.at(-1), overhead.calls.at(-1)]).to.deep.equal(["remove", "remove"]);
  });

  it("refuses a path that leaves the hierarchy, and makes nothing", async () => {
    const one = await open();
    const error = await failure(create(one, "/a/../../b"));
    expect(error).to.include({ code: "KATA_CGROUP_PATH", status: "INVALID_ARGUMENT" });
    expect(error.message).to.include("linux.cgroupsPath of config.json");
    expect(one.cgroups.cgroups.size).to.equal(0);
    expect(await one.left()).to.deep.equal([]);
  });

  for (const [what, prepare] of [
    ["there are no cgroups", (one: Bench) => (one.cgroups.score = 0)],
    [
      "they may not be made",
      (one: Bench) => {
        const cause = new SysError("mkdir", ["/sys/fs/cgroup/a"], 30, "EROFS");
        const error = cgroupErrors.KATA_CGROUP_CREATE(
          { path: "/a", where: "x", directory: "/sys/fs/cgroup/a" },
          { cause },
        );
        one.cgroups.prepare = (made) => (made.errors["create"] = error);
      },
    ],
  ] as const) {
    it(`are done without where ${what}, unless there is a limit`, async () => {
      const one = await openOnly();
      prepare(one);
      await create(one, "/a/b");
      const resources = { memory: { limit: 10 * MiB } };
      const error = await failure(one.runtime.request(updateTask({ containerId: "a", resources })));
      expect(error).to.include({ code: "KATA_CGROUP_ABSENT", status: "FAILED_PRECONDITION" });
      expect(error.message)
        .to.include("(memory.limit)")
        .and.include(what === "there are no cgroups" ? what : "EROFS");
      // The guest was never told.
      expect(one.agent.calls.some((call) => call.startsWith("updateContainer"))).to.equal(false);
    });
  }

  it("are not gone without for another reason", async () => {
    const one = await open();
    const error = cgroupErrors.KATA_CGROUP_TAKEN({ path: "/a", where: "x", directory: "/a", holds: "the processes 1" });
    one.cgroups.prepare = (made) => (made.errors["create"] = error);
    expect((await failure(create(one, "/a"))).message).to.equal(error.message);
    expect(await one.left()).to.deep.equal([]);
  });

  it("have the sum of the limits of a pod's containers, and follow them", async () => {
    const one = await openOnly({ hypervisor: "default_memory = 300\ndefault_vcpus = 2" });
    const both = { cpu: { quota: 50_000, period: 100_000 }, memory: { limit: 100 * MiB } };
    const expected = (...all: OciLinuxResources[]): OciLinuxResources => {
      const share = { vcpus: 2, memory: 300 * MiB, machine: 300 * MiB, emulated: false };
      const limits = new Map(all.map((resources, index) => [String(index), resources]));
      return sandboxLimits(limits, new Set(limits.keys()), share);
    };
    await create(one, "/pod", { cpu: { shares: 2 } }, "pod", pod("sandbox"));
    const { limits: none } = cgroup(one, "/pod");
    expect(none).to.deep.equal({ cpu: {}, memory: {} });
    await create(one, "/c1", both, "c1", pod("container"));
    expect(cgroup(one, "/pod").limits).to.deep.equal(expected(both));
    expect(cgroup(one, "/pod").limits.cpu?.quota).to.equal(250_000);
    await create(one, "/c2", both, "c2", pod("container"));
    expect(cgroup(one, "/pod").limits).to.deep.equal(expected(both, both));
    await one.runtime.request(updateTask({ containerId: "c2", resources: { cpu: { quota: -1 } } }));
    expect(cgroup(one, "/pod").limits).to.deep.equal(expected(both, { memory: both.memory }));
    expect([...one.cgroups.cgroups.keys()]).to.deep.equal(["/pod"]);
  });

  describe("with enable_vcpus_pinning", () => {
    const pins = (one: Bench) => one.sys.callsTo("processes", "setAffinity").map((args) => args.slice(0, 2));

    const openPinned = async (): Promise<Bench> => {
      const one = await openOnly({ runtime: "enable_vcpus_pinning = true" });
      threads(one, 41, 42);
      one.sys.answer("processes", "affinity", () => [0, 1, 2, 3]);
      one.sys.answer("processes", "setAffinity", () => undefined);
      return one;
    };
    const update = (one: Bench, cpus: string) =>
      one.runtime.request(updateTask({ containerId: "a", resources: { cpu: { cpus } } }));

    it("pins each vCPU to a CPU of its own when there are as many, and to all of them otherwise", async () => {
      const one = await openPinned();
      await create(one, "/a/b", { cpu: { cpus: "2-3" } });
      expect(pins(one)).to.deep.equal([
        [41, [2]],
        [42, [3]],
      ]);
      await update(one, "1-3");
      expect(pins(one).slice(2)).to.deep.equal([
        [41, [1, 2, 3]],
        [42, [1, 2, 3]],
      ]);
    });

    it("leaves them as they are without CPUs, and as they were when there are none any more", async () => {
      const one = await openPinned();
      await create(one, "/a/b");
      expect(pins(one)).to.deep.equal([]);
      await update(one, "0,3");
      await update(one, "");
      expect(pins(one).slice(2)).to.deep.equal([
        [41, [0, 1, 2, 3]],
        [42, [0, 1, 2, 3]],
      ]);
    });

    it("says which CPUs the host has not, and does not mind a vCPU that is gone", async () => {
      const one = await openPinned();
      one.sys.fail("processes", "setAffinity", "ESRCH", 1);
      await create(one, "/a/b", { cpu: { cpus: "0-1" } });
      one.sys.fail("processes", "setAffinity", "EINVAL");
      const error = await failure(update(one, "6-7"));
      expect(error).to.include({ code: "KATA_VCPU_PINNING", status: "FAILED_PRECONDITION" });
      expect(error.message).to.include("enable_vcpus_pinning, linux.resources.cpu.cpus");
    });

    it("needs a hypervisor that tells its threads", async () => {
      const one = await openOnly({ runtime: "enable_vcpus_pinning = true" });
      expect(await failure(create(one, "/a/b"))).to.include({ code: "KATA_VCPU_PINNING_UNSUPPORTED" });
      expect(cgroup(one, "/a/b").calls.at(-1)).to.equal("remove");
      expect(await one.left()).to.deep.equal([]);
    });
  });
});
