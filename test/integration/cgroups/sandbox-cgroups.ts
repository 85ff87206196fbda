import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { Context } from "mocha";
import { vmmOverhead } from "../../../src/core/cgroup/sandbox-limits.js";
import type { OciLinuxResources } from "../../../src/core/oci/spec.js";
import { cgroupOf, hostHasV2, limitsOfCgroup, vcpuThreads } from "../../support/host-cgroup.js";
import { inHostVm } from "../../support/host-vm/needs-host-vm.js";
import { expectNoLeaks, type LeakScope, type Traces, traces } from "../../support/leaks.js";
import { type LoopDisk, makeLoopDisk, needsLoop } from "../../support/loop-disk.js";
import { MachineShim } from "../../support/machine-shim.js";
import { runProgram } from "../../support/program.js";

const MiB = 1024 * 1024;
const kataTs = fileURLToPath(new URL("../../../src/bin/kata-ts/main.js", import.meta.url));

/** Where a sandbox's cgroups are, and what is looked at besides. */
export interface CgroupScene {
  /** `linux.cgroupsPath`. */
  readonly written: (id: string) => string;
  readonly sandbox: (id: string) => string;
  readonly overhead: (id: string) => string;
  /** Where threads that run a guest are when they are apart. */
  readonly threads: (id: string) => string;
  /** Skips where others do the same. */
  readonly needs?: (context: Context) => void;
  /** Done while a sandbox runs, after which all must be as it was. */
  readonly disturb?: () => void;
  /** Looks at a sandbox's unit, which must have the limits that its files have. */
  readonly checkUnit?: (id: string, limits: { readonly quota: number | undefined; readonly memory: number }) => void;
}

/** What is asked of the cgroups of sandboxes in machines of QEMU, whoever makes them. */
export function describeSandboxCgroups(title: string, scene: CgroupScene): void {
  describe(title, () => {
    let directory: string;
    let disk: LoopDisk;
    let shim: MachineShim;
    let scope: LeakScope;
    let nothing: Traces;
    let id: string;
    let count = 0;

    before(function () {
      scene.needs?.(this);
      needsLoop(this);
      directory = mkdtempSync(join(tmpdir(), "kata-ts-cgroups-"));
      disk = makeLoopDisk(join(directory, "disk"), { bytes: 8 * MiB });
    });
    after(() => {
      disk?.detach();
      if (directory !== undefined) rmSync(directory, { recursive: true });
    });
    afterEach("nothing is left behind", async function () {
      this.timeout(60_000);
      try {
        await expectNoLeaks(nothing, scope, 10_000);
      } finally {
        await shim.end();
      }
    });

    const rate = 256 * MiB;
    const limits = (): OciLinuxResources => {
      const { major, minor } = disk;
      const throttleReadBpsDevice = [{ major, minor, rate }];
      return {
        cpu: { quota: 50_000, period: 100_000 },
        memory: { limit: 64 * MiB },
        blockIO: { throttleReadBpsDevice },
      };
    };

    /** Runs a container that has the disk, and reads it when it begins. */
    async function launch(only: boolean): Promise<void> {
      const slow = ["default_memory = 512", "[agent.kata]", "reconnect_timeout_ms = 300000"];
      shim = new MachineShim([...(inHostVm() ? slow : []), "[runtime]", `sandbox_cgroup_only = ${only}`]);
      id = `kt${process.pid}-cg${++count}`;
      scope = { ...shim.leakScope, marks: [...shim.leakScope.marks, id] };
      nothing = traces(scope);
      const script = "dd if=/dev/shown of=/dev/null bs=65536 count=64 2>/dev/null && echo read; exec sleep 100000";
      const { major, minor } = disk;
      await shim.launch(id, ["sh", "-c", script], {
        change: (spec) => ({
          ...spec,
          linux: {
            ...spec.linux,
            cgroupsPath: scene.written(id),
            devices: [{ type: "b", path: "/dev/shown", major, minor, fileMode: 0o660, uid: 0, gid: 0 }],
            resources: { ...limits(), devices: [{ allow: true, type: "b", major, minor, access: "r" }] },
          },
        }),
      });
    }

    const pids = () => ({ shim: shim.shim(id).pid, vmm: shim.recordedPid(id, "qemu") });
    /** Where the shim, the VMM and its threads that run the guest are. */
    function places() {
      const { shim: own, vmm } = pids();
      const threads = vcpuThreads(vmm);
      expect(threads).to.not.deep.equal([]);
      return {
        shim: [...new Set(["memory", "cpu", "pids"].map((name) => cgroupOf(own, own, name)))],
        vmm: cgroupOf(vmm, vmm, "memory"),
        vcpus: [...new Set(threads.map((tid) => cgroupOf(vmm, tid, "cpu")))],
      };
    }
    const expected = (only: boolean) => {
      const sandbox = scene.sandbox(id);
      if (only) return { shim: [sandbox], vmm: sandbox, vcpus: [sandbox] };
      return {
        shim: [scene.overhead(id)],
        vmm: sandbox,
        vcpus: [scene.threads(id)],
      };
    };
    /** One CPU of the container's own half, and the machine's. */
    function expectLimits(only: boolean): void {
      const { quota, memory } = limitsOfCgroup(scene.sandbox(id));
      expect(quota).to.equal(150_000);
      // The container's memory, and what is plugged in for it: blocks of 128 MiB.
      const guests = [512, 2048].flatMap((own) => [(own + 64) * MiB, (own + 128) * MiB]);
      const all = guests.flatMap((guest) => [false, true].map((emulated) => guest + vmmOverhead(guest, emulated)));
      expect(memory).to.be.oneOf(all);
      const device = `${disk.major}:${disk.minor}`;
      const [controller, file, line] = hostHasV2()
        ? ["", "io.max", `${device} rbps=${rate} wbps=max riops=max wiops=max`]
        : ["blkio", "blkio.throttle.read_bps_device", `${device} ${rate}`];
      const cgroup = join("/sys/fs/cgroup", controller, scene.sandbox(id));
      expect(readFileSync(join(cgroup, file), "utf8").trim().split("\n")).to.deep.equal([line]);
      scene.checkUnit?.(id, { quota: only ? quota : undefined, memory: memory ?? 0 });
    }
    /** What of the disk the kernel has read for the sandbox: the throttle counts, and holds up, what is in this cgroup. */
    function bytesRead(): number {
      const cgroup = scene.sandbox(id);
      const device = `${disk.major}:${disk.minor}`;
      const text = hostHasV2()
        ? readFileSync(join("/sys/fs/cgroup", cgroup, "io.stat"), "utf8")
        : readFileSync(join("/sys/fs/cgroup/blkio", cgroup, "blkio.throttle.io_service_bytes"), "utf8");
      const form = hostHasV2() ? `^${device} rbytes=(\\d+)` : `^${device} Read (\\d+)`;
      return Number(new RegExp(form, "m").exec(text)?.[1] ?? 0);
    }
    async function hasRead(): Promise<void> {
      for (let looks = 0; !shim.output(id).includes("read"); looks++) {
        if (looks > 2400) throw new Error("the container has not read its disk");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    async function killShim(): Promise<void> {
      const one = shim.shim(id);
      process.kill(one.pid, "SIGKILL");
      await shim.gone(one);
    }
    const recover = async (...args: readonly string[]): Promise<void> => {
      const roots = ["--run", shim.roots.run, "--shim", shim.program];
      const { status, stderr } = await runProgram(process.execPath, [kataTs, "recover", ...args, ...roots], {
        ms: 120_000,
      });
      expect(status, stderr).to.equal(0);
    };

    it("hold the VMM apart from its shim, have its I/O, outlive the shim, and are gone at the sandbox's end", async () => {
      await launch(false);
      expect(places()).to.deep.equal(expected(false));
      expectLimits(false);
      await hasRead();
      expect(bytesRead()).to.be.at.least(4 * MiB);
      scene.disturb?.();
      expect(places()).to.deep.equal(expected(false));
      expectLimits(false);
      await killShim();
      await recover();
      shim.noteShims();
      expect(places()).to.deep.equal(expected(false));
      expectLimits(false);
      const own = shim.shim(id);
      await shim.remove(id);
      await shim.gone(own);
      expect(shim.leftovers()).to.deep.equal([]);
    });

    it("are one with sandbox_cgroup_only, for all of the sandbox, and gone when all is cleaned up after its shim was killed", async () => {
      await launch(true);
      expect(places()).to.deep.equal(expected(true));
      expectLimits(true);
      scene.disturb?.();
      expect(places()).to.deep.equal(expected(true));
      expectLimits(true);
      expect(existsSync(join("/sys/fs/cgroup", hostHasV2() ? "" : "cpu", scene.overhead(id)))).to.equal(false);
      await killShim();
      // Nobody can go on from it, so it is ended.
      rmSync(join(shim.roots.run, shim.namespace, id, "state.json"));
      await recover("--clean");
      expect((await shim.delete(id)).stderr).to.equal("");
    });
  });
}
