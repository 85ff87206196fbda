import { expect } from "chai";
import type { Device } from "../../../../../src/core/contracts/device.js";
import { codeOf, messageOf } from "../../../../../src/core/errors/error.js";
import { upcallErrors } from "../../../../../src/core/upcall/errors.js";
import { DeviceList, type Pluggable } from "../../../../../src/plugins/hypervisors/dragonball/devices.js";
import type { DiskKeys } from "../../../../../src/plugins/hypervisors/dragonball/disk-settings.js";
import type { DeviceSpec } from "../../../../../src/vmm/threads/device-spec.js";

const disk = (id: string): Device => ({ kind: "block", id, path: "/disk", readOnly: true, driver: "virtio-blk-mmio" });
const card: Device = {
  kind: "net",
  id: "eth1",
  hardwareAddress: "02:00:00:00:00:01",
  tapFds: [5, 6],
  queueSize: 256,
  vhost: true,
};
const share: Device = { kind: "fs", id: "share", tag: "tag", socket: "/socket", queueSize: 1024, cacheSizeMiB: 0 };

const keys: DiskKeys = {
  num_queues: 2,
  queue_size: 64,
  block_device_cache_set: false,
  block_device_cache_direct: false,
  block_device_cache_noflush: false,
  block_device_logical_sector_size: 0,
  block_device_physical_sector_size: 0,
  disk_rate_limiter_bw_max_rate: 0,
  disk_rate_limiter_bw_one_time_burst: undefined,
  disk_rate_limiter_ops_max_rate: 10,
  disk_rate_limiter_ops_one_time_burst: undefined,
};

/** Devices before and in a machine that notes what it is asked. */
function scene(disks = 1) {
  const closed: number[] = [];
  const asked: unknown[] = [];
  const fail: { plug?: unknown; unplug?: unknown } = {};
  const descriptors = { duplicate: (fd: number) => fd + 100, close: (fd: number) => void closed.push(fd) };
  const devices = new DeviceList({ descriptors } as never, keys, disks);
  const machine: Pluggable = {
    async plug(spec: DeviceSpec) {
      asked.push(spec);
      if (fail.plug !== undefined) throw fail.plug;
      return spec.kind === "disk" ? { disk: "vdf" } : {};
    },
    async unplug(id) {
      asked.push(id);
      if (fail.unplug !== undefined) throw fail.unplug;
    },
  };
  return { devices, machine, closed, asked, fail };
}

const codeOfCall = (action: () => unknown): string | undefined => {
  try {
    action();
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
};

describe("the devices of dragonball", () => {
  it("count disks before the start, and are told their names after it", async () => {
    const { devices, machine, asked } = scene();
    expect(devices.add(disk("a"))).to.deep.equal({ id: "a", guestLocator: "/dev/vdb" });
    expect(await devices.plug(disk("b"), machine)).to.deep.equal({ id: "b", guestLocator: "/dev/vdf" });
    expect(asked).to.deep.equal([
      {
        kind: "disk",
        id: "b",
        path: "/disk",
        readOnly: true,
        queues: 2,
        queueSize: 64,
        limits: { operations: { perSecond: 10, burst: 0 } },
      },
    ]);
    expect(await devices.plug(share, machine)).to.deep.equal({ id: "share" });
  });

  it("say no name of a disk that the guest has not told", async () => {
    const { devices, machine } = scene();
    expect(await devices.plug(disk("a"), { ...machine, plug: async () => ({}) })).to.deep.equal({ id: "a" });
  });

  it("give the machine taps of its own", async () => {
    const { devices, machine, asked, closed } = scene();
    await devices.plug(card, machine);
    expect(asked).to.deep.equal([
      { kind: "card", id: "eth1", mac: "02:00:00:00:00:01", taps: [105, 106], queueSize: 256, vhost: true },
    ]);
    await devices.unplug("eth1", machine);
    expect(closed).to.deep.equal([]);
  });

  it("are there once, and come again after they went or were refused", async () => {
    const { devices, machine, fail } = scene();
    fail.plug = new Error("no slot");
    const error: unknown = await devices.plug(disk("a"), machine).catch((cause: unknown) => cause);
    expect([codeOf(error), messageOf(error)]).to.deep.equal([
      "KATA_HYPERVISOR_DEVICE",
      'dragonball cannot take the block device "a": no slot',
    ]);
    fail.plug = undefined;
    for (let round = 0; round < 2; round++) {
      await devices.plug(disk("a"), machine);
      expect(await devices.plug(disk("a"), machine).catch(codeOf)).to.equal("KATA_HYPERVISOR_DEVICE_EXISTS");
      await devices.unplug("a", machine);
      expect(await devices.unplug("a", machine).catch(codeOf)).to.equal("KATA_HYPERVISOR_DEVICE_UNKNOWN");
    }
  });

  it("stay when the guest does not let go of them", async () => {
    const { devices, machine, fail } = scene();
    await devices.plug(disk("a"), machine);
    fail.unplug = upcallErrors.KATA_UPCALL_REFUSED({ what: "let go", reason: "EBUSY" });
    expect(await devices.unplug("a", machine).catch(codeOf)).to.equal("KATA_UPCALL_REFUSED");
    fail.unplug = undefined;
    await devices.unplug("a", machine);
  });

  it("are refused that this machine cannot have", async () => {
    const { devices, machine, asked } = scene(26);
    const other = { ...disk("a"), driver: "virtio-scsi" } as Device;
    const window = { ...share, cacheSizeMiB: 1 } as Device;
    const vfio: Device = { kind: "vfio", id: "v", address: "0000:00:03.0" };
    for (const device of [other, window, vfio]) {
      expect(codeOfCall(() => devices.add(device))).to.equal("KATA_HYPERVISOR_DEVICE");
      expect(await devices.plug(device, machine).catch(codeOf)).to.equal("KATA_HYPERVISOR_DEVICE");
    }
    expect(codeOfCall(() => devices.add(disk("a")))).to.equal("KATA_HYPERVISOR_DEVICE");
    expect(asked).to.deep.equal([]);
  });

  it("are directories too that the machine serves itself", () => {
    const { devices } = scene();
    const inline = {
      id: "share",
      tag: "kataShared",
      path: "/view",
      readOnly: false,
      cache: "auto",
      queueSize: 512,
    } as const;
    devices.add({ ...inline, kind: "inline-fs" });
    expect(devices.specs).to.deep.equal([{ ...inline, kind: "shared-directory" }]);
  });

  it("give up what they hold when the machine never starts", () => {
    const { devices, closed } = scene();
    devices.add(card);
    devices.remove("eth1");
    expect(closed).to.deep.equal([105, 106]);
    expect(codeOfCall(() => devices.remove("eth1"))).to.equal("KATA_HYPERVISOR_DEVICE_UNKNOWN");
    devices.add(card);
    devices.close();
    expect(closed).to.deep.equal([105, 106, 105, 106]);
  });
});
