import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { AttachedDevice, Device } from "../../../../src/core/contracts/device.js";
import type { HypervisorCapabilities, VmExit } from "../../../../src/core/contracts/hypervisor.js";
import { virtioBlock } from "../../../../src/core/disks/virtio-block.js";
import { MachineDisks } from "../../../../src/core/disks/machine-disks.js";
import { codeOf, messageOf } from "../../../../src/core/errors/error.js";
import type { DisksState } from "../../../../src/core/sandbox/state.js";
import { rejected, temporaryDirectory } from "../sys/fixture.js";

const request = { purpose: "the disk of a test", path: "/dev/some", readOnly: true };
const mount = { fstype: "ext4", options: ["ro"], mountPoint: "/run/kata-containers/c/rootfs" };

describe("disks of a machine", () => {
  let calls: unknown[];
  let end: (exit: VmExit) => void;
  let locator: string | undefined;
  let drivers: number;
  let removing: (() => Promise<void>) | undefined;
  let capabilities: Partial<HypervisorCapabilities>;

  const make = (): MachineDisks => {
    const hypervisor = {
      name: "fake",
      addDevice: async (device: Device): Promise<AttachedDevice> => {
        calls.push(device);
        return { id: device.id, ...(locator !== undefined && { guestLocator: locator }) };
      },
      removeDevice: async (id: string) => {
        calls.push(id);
        await removing?.();
      },
      exited: new Promise<VmExit>((resolve) => (end = resolve)),
      capability: <K extends keyof HypervisorCapabilities>(name: K): HypervisorCapabilities[K] | undefined =>
        capabilities[name],
    };
    const driver = async () => {
      drivers++;
      return virtioBlock("virtio-blk-mmio", "mmioblk");
    };
    return new MachineDisks({ hypervisor, driver });
  };

  beforeEach(() => {
    calls = [];
    locator = "/dev/vdb";
    drivers = 0;
    removing = undefined;
    capabilities = {};
  });

  const device = (id: string) => ({ kind: "block", id, path: "/dev/some", readOnly: true, driver: "virtio-blk-mmio" });

  it("are plugged by the chosen driver, and mounted where the guest has them", async () => {
    const disks = make();
    expect(drivers).to.equal(0);
    const disk = await disks.add(request);
    expect(disk.storage(mount)).to.deep.equal({ driver: "mmioblk", source: "/dev/vdb", ...mount });
    await disks.add(request);
    expect(calls).to.deep.equal([device("disk0"), device("disk1")]);
    expect(drivers).to.equal(1);
    await disk.release();
    await disk.release();
    expect(calls.slice(2)).to.deep.equal(["disk0"]);
  });

  it("are found as devices where they are found as storages", async () => {
    const found = { type: "mmioblk", id: "/dev/vdb", containerPath: "/dev/xvda", options: [] };
    expect((await make().add(request)).device("/dev/xvda")).to.deep.equal({ ...found, vmPath: "/dev/vdb" });
    locator = "02/01";
    expect((await make().add(request)).device("/dev/xvda")).to.deep.equal({ ...found, id: "02/01", vmPath: "" });
  });

  it("wait while the machine boots", async () => {
    const disks = make();
    let booted = (): void => undefined;
    disks.boot(new Promise<void>((resolve) => (booted = resolve)));
    const adding = disks.add(request);
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).to.deep.equal([]);
    booted();
    await adding;
    expect(calls).to.deep.equal([device("disk0")]);
  });

  it("are none of a machine that does not boot, for the same reason", async () => {
    const disks = make();
    const early = await disks.add(request);
    const reason = new Error("it does not boot");
    const booting = Promise.reject(reason);
    booting.catch(() => undefined);
    disks.boot(booting);
    expect(await disks.add(request).catch((error: unknown) => error)).to.equal(reason);
    end({ code: 1, expected: false });
    await early.release();
    expect(calls).to.deep.equal([device("disk0")]);
  });

  it("are taken out once, also when two ask for it, and again when that failed", async () => {
    const disk = await make().add(request);
    const reason = new Error("the guest does not answer");
    removing = async () => {
      throw reason;
    };
    const failures = await Promise.all(
      [disk.release(), disk.release()].map((one) => one.catch((error: unknown) => error)),
    );
    expect(failures).to.deep.equal([reason, reason]);
    removing = undefined;
    await Promise.all([disk.release(), disk.release()]);
    await disk.release();
    expect(calls).to.deep.equal([device("disk0"), "disk0", "disk0"]);
  });

  it("are gone with a machine that ends while one is taken out", async () => {
    const disk = await make().add(request);
    removing = async () => {
      setImmediate(() => end({ code: -1, signal: "SIGKILL", expected: false }));
      throw new Error("the monitor is gone");
    };
    await disk.release();
    await disk.release();
    expect(calls).to.deep.equal([device("disk0"), "disk0"]);
  });

  it("are taken out again when nobody knows where the guest has them", async () => {
    locator = undefined;
    expect(await rejected(() => make().add(request))).to.equal("KATA_DISK_NOWHERE");
    expect(calls).to.deep.equal([device("disk0"), "disk0"]);
  });

  describe("that grow", () => {
    const directory = temporaryDirectory();
    const file = (): string => join(directory.path, "image");
    beforeEach(() => {
      writeFileSync(file(), Buffer.alloc(8192));
      capabilities["disk-resize"] = { resize: async (id, bytes) => void calls.push([id, bytes]) };
    });
    const add = (readOnly = false) => make().add({ purpose: "a test", path: file(), readOnly });

    it("have as much as was asked for, in whole pages, and no less than they had", async () => {
      const disk = await add();
      for (const bytes of [8193, 16_384, 1]) await disk.grow(bytes);
      expect(calls.slice(1)).to.deep.equal([
        ["disk0", 12_288],
        ["disk0", 16_384],
        ["disk0", 8192],
      ]);
    });

    it("are refused when nobody may write, when that is no size, and where the hypervisor cannot", async () => {
      expect(await rejected(async () => (await add(true)).grow(1))).to.equal("KATA_DISK_SIZE");
      for (const bytes of [0, -1, 1.5, Number.NaN, Number.MAX_SAFE_INTEGER])
        expect(await rejected(async () => (await add()).grow(bytes)), String(bytes)).to.equal("KATA_DISK_SIZE");
      const disk = await add();
      rmSync(file());
      expect(await rejected(() => disk.grow(1))).to.equal("KATA_DISK_SIZE");
      capabilities = {};
      expect(await rejected(() => disk.grow(1))).to.equal("KATA_HYPERVISOR_UNSUPPORTED");
    });
  });

  describe("of one that was adopted", () => {
    const directory = temporaryDirectory();
    const file = (): string => join(directory.path, "image");
    const wanted = (more = {}) => ({ ...request, path: file(), ...more });

    /** What the process before knew of its one disk. */
    async function kept(): Promise<DisksState> {
      writeFileSync(file(), "image");
      const before = make();
      await before.add(wanted());
      calls = [];
      return before.state();
    }
    const refused = async (state: DisksState, asked = wanted()): Promise<string> => {
      const disks = make();
      disks.adopt(state);
      const error = await disks.add(asked).catch((error_: unknown) => error_);
      return `${codeOf(error)} ${messageOf(error)}`;
    };

    it("are found instead of plugged, until all were asked for", async () => {
      const state = await kept();
      const disks = make();
      disks.adopt(state);
      const disk = await disks.add(wanted());
      expect(disk.storage(mount).source).to.equal("/dev/vdb");
      expect(calls).to.deep.equal([]);
      expect(disks.state()).to.deep.equal(state);
      disks.adopted();
      await disks.add(request);
      await disk.release();
      expect(calls).to.deep.equal([device("disk1"), "disk0"]);
    });

    it("are refused when the machine has none like that, or has it otherwise", async () => {
      const state = await kept();
      expect(await refused(state, wanted({ path: "/dev/some" }))).to.equal(
        'KATA_RECOVER_PART the disk of a test cannot be taken over: the machine has no disk of /dev/some; the shim\'s "delete", or "kata-ts recover --clean", ends what is left of it',
      );
      expect(await refused(state, wanted({ readOnly: false }))).to.include(`the machine has no disk of ${file()}`);
    });

    it("are refused when they have vanished, or something else has come in their place", async () => {
      const state = await kept();
      rmSync(file());
      expect(await refused(state)).to.include(
        `KATA_RECOVER_PART the disk of a test cannot be taken over: ${file()} is gone`,
      );
      // The number of the file that was removed must not be had again.
      writeFileSync(join(directory.path, "other"), "");
      writeFileSync(file(), "image");
      expect(await refused(state)).to.include(`${file()} is not any more what the machine has as its disk`);
    });
  });
});
