import { expect } from "chai";
import type { AttachedDevice, Device } from "../../../../src/core/contracts/device.js";
import type { VmExit } from "../../../../src/core/contracts/hypervisor.js";
import { virtioBlock } from "../../../../src/core/disks/virtio-block.js";
import { MachineDisks } from "../../../../src/core/disks/machine-disks.js";
import { rejected } from "../sys/fixture.js";

const request = { purpose: "the disk of a test", path: "/dev/some", readOnly: true };
const mount = { fstype: "ext4", options: ["ro"], mountPoint: "/run/kata-containers/c/rootfs" };

describe("disks of a machine", () => {
  let calls: unknown[];
  let end: (exit: VmExit) => void;
  let locator: string | undefined;
  let drivers: number;
  let removing: (() => Promise<void>) | undefined;

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
});
