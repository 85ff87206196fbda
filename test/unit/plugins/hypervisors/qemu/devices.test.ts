import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import * as fc from "fast-check";
import { type HypervisorConfig, hypervisorKeys } from "../../../../../src/core/config/keys/hypervisor.js";
import { defaultsOf } from "../../../../../src/core/config/keys/key.js";
import type { BlockDevice, FsDevice, NetDevice, VhostUserNetDevice } from "../../../../../src/core/contracts/device.js";
import { codeOf } from "../../../../../src/core/errors/error.js";
import { MmioBus, PciBus, type VirtioBus } from "../../../../../src/plugins/hypervisors/qemu/bus.js";
import { DeviceSet, diskLetters } from "../../../../../src/plugins/hypervisors/qemu/device-set.js";

const settings: HypervisorConfig = defaultsOf(hypervisorKeys);
let directory: string;
let path: string;

const codeThrownBy = (act: () => unknown): string | undefined => {
  try {
    act();
  } catch (error) {
    return codeOf(error);
  }
  return undefined;
};

const disk = (id: string, driver = "virtio-blk-pci", readOnly = false): BlockDevice => ({
  kind: "block",
  id,
  path,
  readOnly,
  driver,
});
const share: FsDevice = { kind: "fs", id: "share", tag: "kataShared", socket: "/s", queueSize: 1024, cacheSizeMiB: 0 };
const card: NetDevice = {
  kind: "net",
  id: "eth0",
  hardwareAddress: "02:00:00:00:00:01",
  tapFds: [19],
  queueSize: 256,
  vhost: true,
};
const servedCard: VhostUserNetDevice = {
  kind: "vhost-user-net",
  id: "net1",
  hardwareAddress: "02:00:00:00:00:02",
  socket: "/v,s",
  queuePairs: 1,
  queueSize: 256,
};

function setOn(bus: VirtioBus, keys: Partial<HypervisorConfig> = {}) {
  const inherited: number[] = [];
  const devices = new DeviceSet(bus, { ...settings, ...keys }, 1, (fd) => inherited.push(fd) + 2);
  const parts = (id: string) =>
    devices.get(id).plan.parts.map((part) => (part.kind === "chardev" ? part : part.properties));
  return { devices, inherited, parts };
}

describe("the devices of a QEMU machine", () => {
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "qemu-disk-"));
    path = join(directory, "disk");
    writeFileSync(path, "");
  });
  after(() => rmSync(directory, { recursive: true }));

  it("are none that QEMU would have to serve by itself", () => {
    const { devices } = setOn(new MmioBus());
    const device = { kind: "inline-fs", id: "share", tag: "kataShared", path: "/s", readOnly: false } as const;
    const add = () => devices.addCold({ ...device, cache: "auto", queueSize: 1024 });
    expect(add)
      .to.throw(/virtio-fs/)
      .with.property("code", "KATA_HYPERVISOR_DEVICE");
    expect(devices.list()).to.deep.equal([]);
  });

  it("are found by PCI path, behind the bridge when plugged in later", () => {
    const { devices } = setOn(new PciBus(1));
    expect(devices.addCold(disk("a"))).to.deep.equal({ id: "a", guestLocator: "01" });
    expect(devices.addHot(disk("b"))).to.deep.equal({ id: "b", guestLocator: "1e/01" });
    expect(devices.addHot(disk("c")).guestLocator).to.equal("1e/02");
  });

  it("are found by name on a microvm, and by target and unit on SCSI", () => {
    const { devices } = setOn(new MmioBus());
    expect(devices.addCold(disk("a", "virtio-blk-mmio")).guestLocator).to.equal("/dev/vdb");
    expect(devices.addCold(disk("b", "virtio-blk-mmio")).guestLocator).to.equal("/dev/vdc");
    expect(devices.addCold(disk("c", "virtio-scsi")).guestLocator).to.equal("0:0");
    expect(devices.addCold(disk("d", "virtio-scsi")).guestLocator).to.equal("0:1");
    devices.remove("c");
    expect(devices.addCold(disk("e", "virtio-scsi")).guestLocator).to.equal("0:2");
    for (let index = 3; index < 257; index++) devices.addCold(disk(`n${index}`, "virtio-scsi"));
    expect(devices.addCold(disk("z", "virtio-scsi")).guestLocator).to.equal("1:1");
  });

  it("names disks as Linux does", () => {
    expect([0, 25, 26, 27, 701, 702].map(diskLetters)).to.deep.equal(["a", "z", "aa", "ab", "zz", "aaa"]);
  });

  it("have slots of their own, as many as the bus has, and get one again that is free", () => {
    const property = fc.property(fc.array(fc.boolean(), { maxLength: 80 }), (steps) => {
      const bus = new PciBus(1);
      const { devices } = setOn(bus);
      const there = new Map<string, string>();
      for (const [index, add] of steps.entries()) {
        const [oldest] = there.keys();
        if (add && there.size < 31) {
          const { guestLocator = "" } = devices.addHot(disk(`d${index}`));
          expect([...there.values()]).to.not.include(guestLocator);
          there.set(`d${index}`, guestLocator);
        } else if (oldest !== undefined) {
          devices.remove(oldest);
          there.delete(oldest);
        }
      }
    });
    fc.assert(property);
    const { devices } = setOn(new PciBus(1));
    for (let index = 0; index < 31; index++) devices.addHot(disk(`d${index}`));
    const full = /all 31 slots of the machine.s bridge for hotplug are taken.*fewer links.*default_bridges to more/;
    expect(() => devices.addHot(disk("one more")))
      .to.throw(full)
      .with.property("code", "KATA_QEMU_BUS_FULL");
  });

  it("write disks the way configuration says", () => {
    const { devices, parts } = setOn(new PciBus(0), {
      block_device_aio: "native",
      block_device_cache_set: true,
      block_device_cache_noflush: true,
      block_device_logical_sector_size: 4096,
      num_queues: 4,
      queue_size: 256,
      enable_iothreads: true,
    });
    devices.addCold(disk("a"));
    const cache = { direct: true, "no-flush": true };
    expect(parts("a")).to.deep.equal([
      {
        driver: "raw",
        "node-name": "device0-disk",
        "read-only": false,
        discard: "unmap",
        cache,
        file: { driver: "file", filename: path, aio: "native", "read-only": false, discard: "unmap", cache },
      },
      {
        driver: "virtio-blk-pci-non-transitional",
        id: "device0",
        drive: "device0-disk",
        bus: "pcie.0",
        addr: "0x01",
        "num-queues": 4,
        "queue-size": 256,
        logical_block_size: 4096,
        physical_block_size: 4096,
        iothread: "disks0",
        werror: "report",
      },
    ]);
  });

  it("are kept within limits by a filter of their own, whatever they hang on", () => {
    const { devices, parts } = setOn(new PciBus(0), {
      disk_rate_limiter_bw_max_rate: 8_000_000,
      disk_rate_limiter_bw_one_time_burst: 16_000_000,
      disk_rate_limiter_ops_max_rate: 100,
    });
    const limits = { "bps-total": 1e6, "bps-total-max": 3e6, "iops-total": 100, "iops-total-max": 100 };
    for (const [index, driver] of ["virtio-blk-pci", "virtio-scsi"].entries()) {
      const name = `device${index}`;
      devices.addCold(disk(driver, driver, index === 0));
      const [group, file, filter, device] = parts(driver);
      expect(group).to.deep.equal({ "qom-type": "throttle-group", id: `${name}-limits`, limits });
      expect(file).to.include({ "node-name": `${name}-disk`, driver: "raw" });
      expect(filter).to.deep.equal({
        driver: "throttle",
        "node-name": `${name}-limited`,
        "throttle-group": `${name}-limits`,
        "read-only": index === 0,
        ...(index !== 0 && { discard: "unmap" }),
        file: `${name}-disk`,
      });
      expect(device).to.include({ id: name, drive: `${name}-limited` });
    }
  });

  it("have limits that QEMU takes, whatever configuration says", () => {
    const amount = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    const property = fc.property(amount, amount, amount, amount, (rate, burst, operations, operationBurst) => {
      const { devices, parts } = setOn(new PciBus(0), {
        disk_rate_limiter_bw_max_rate: rate,
        disk_rate_limiter_bw_one_time_burst: burst,
        disk_rate_limiter_ops_max_rate: operations,
        disk_rate_limiter_ops_one_time_burst: operationBurst,
      });
      devices.addCold(disk("a"));
      const [first = {}] = parts("a");
      const limits = "limits" in first ? (first.limits as Record<string, number>) : {};
      expect("bps-total" in limits).to.equal(rate > 0);
      expect("iops-total" in limits).to.equal(operations > 0);
      for (const [name, value] of Object.entries(limits)) {
        expect(Number.isInteger(value)).to.equal(true);
        expect(value).to.be.within(1, 1e15);
        if (!name.endsWith("-max")) expect(limits[`${name}-max`]).to.be.at.least(value);
      }
    });
    fc.assert(property);
  });

  it("are spread over the threads that configuration gives them", () => {
    const threadsOf = (keys: Partial<HypervisorConfig>) => {
      const { devices, parts } = setOn(new PciBus(0), keys);
      return ["a", "b", "c"].map((id) => {
        devices.addCold(disk(id));
        const device = parts(id)[1] ?? {};
        return "iothread" in device ? device.iothread : undefined;
      });
    };
    expect(threadsOf({})).to.deep.equal([undefined, undefined, undefined]);
    expect(threadsOf({ enable_iothreads: true })).to.deep.equal(["disks0", "disks0", "disks0"]);
    // The image was the first disk.
    expect(threadsOf({ indep_iothreads: 2 })).to.deep.equal(["disks1", "disks0", "disks1"]);
  });

  it("connect to a daemon's socket", () => {
    const { devices, parts } = setOn(new PciBus(0));
    devices.addCold(share);
    expect(parts("share")).to.deep.equal([
      { kind: "chardev", id: "device0-socket", path: "/s" },
      {
        driver: "vhost-user-fs-pci",
        id: "device0",
        chardev: "device0-socket",
        tag: "kataShared",
        "queue-size": 1024,
        bus: "pcie.0",
        addr: "0x01",
      },
    ]);
  });

  it("take taps by their descriptors", () => {
    const { devices, inherited, parts } = setOn(new PciBus(0));
    devices.addCold(card);
    devices.addCold({ ...card, id: "eth1", tapFds: [20, 21], vhost: false });
    expect(parts("eth0")[0]).to.deep.equal({
      type: "tap",
      id: "device0-tap",
      fd: "3",
      vhost: true,
    });
    expect(parts("eth1")).to.deep.equal([
      { type: "tap", id: "device1-tap", fds: "4:5", vhost: false },
      {
        driver: "virtio-net-pci-non-transitional",
        id: "device1",
        netdev: "device1-tap",
        mac: card.hardwareAddress,
        rx_queue_size: 256,
        romfile: "",
        mq: true,
        vectors: 6,
        bus: "pcie.0",
        addr: "0x02",
      },
    ]);
    expect(inherited).to.deep.equal([19, 20, 21]);
  });

  it("are where they can be pulled out when they are cards, as long as there is room", () => {
    const { devices } = setOn(new PciBus(1));
    expect(devices.addCold(card).guestLocator).to.equal("1e/01");
    for (let count = 2; count <= 31; count++) devices.addCold({ ...card, id: `eth${count}` });
    expect(devices.addCold({ ...card, id: "more" }).guestLocator).to.equal("01");
    expect(codeThrownBy(() => devices.addHot({ ...card, id: "late" }))).to.equal("KATA_QEMU_BUS_FULL");
  });

  it("are passed through by their address, on PCI alone", () => {
    const device = { kind: "vfio", id: "nic", address: "0000:3b:00.1" } as const;
    const { devices, parts } = setOn(new PciBus(1));
    expect(devices.addCold(device).guestLocator).to.equal("01");
    const whole = { driver: "vfio-pci", host: "0000:3b:00.1", rombar: 0 };
    expect(parts("nic")).to.deep.equal([{ ...whole, id: "device0", bus: "pcie.0", addr: "0x01" }]);
    expect(devices.addHot({ ...device, id: "nic2" }).guestLocator).to.equal("1e/01");
    const small = setOn(new MmioBus()).devices;
    expect(codeThrownBy(() => small.addCold(device))).to.equal("KATA_HYPERVISOR_DEVICE");
  });

  it("take cards that another program serves, with a queue pair or with several", () => {
    const { devices, parts } = setOn(new PciBus(1));
    expect(devices.addCold(servedCard)).to.deep.equal({ id: "net1", guestLocator: "1e/01" });
    const hot = { ...servedCard, id: "net2", queuePairs: 4, queueSize: 8192 };
    expect(devices.addHot(hot)).to.deep.equal({ id: "net2", guestLocator: "1e/02" });
    const common = { driver: "virtio-net-pci-non-transitional", mac: servedCard.hardwareAddress, romfile: "" };
    expect(parts("net1")).to.deep.equal([
      { kind: "chardev", id: "device0-socket", path: "/v,s" },
      { type: "vhost-user", id: "device0-served", chardev: "device0-socket", queues: 1 },
      {
        ...common,
        id: "device0",
        netdev: "device0-served",
        rx_queue_size: 256,
        tx_queue_size: 256,
        bus: "bridge0",
        addr: "0x01",
      },
    ]);
    expect(parts("net2")[2]).to.deep.equal({
      ...common,
      id: "device1",
      netdev: "device1-served",
      rx_queue_size: 1024,
      tx_queue_size: 1024,
      mq: true,
      vectors: 10,
      bus: "bridge0",
      addr: "0x02",
    });
    const { parts: onMicrovm, devices: few } = setOn(new MmioBus());
    few.addCold(servedCard);
    expect(onMicrovm("net1")[2]).to.include({ driver: "virtio-net-device", bus: "virtio-mmio-bus.0" });
  });

  it("say whether the guest's memory has to be shared", () => {
    const { devices } = setOn(new PciBus(0));
    devices.addCold(card);
    devices.addCold(disk("a"));
    expect(devices.sharesMemory).to.equal(false);
    devices.addCold(servedCard);
    expect(devices.sharesMemory).to.equal(true);
    devices.remove("net1");
    expect(devices.sharesMemory).to.equal(false);
    devices.addCold(share);
    expect(devices.sharesMemory).to.equal(true);
  });

  it("refuse what the machine cannot have, and say why", () => {
    const { devices } = setOn(new PciBus(0));
    devices.addCold(disk("a"));
    expect(() => devices.addCold(disk("a"))).to.throw(/"a" already/);
    expect(() => devices.addCold(disk("b", "virtio-blk-mmio"))).to.throw(/takes virtio-blk-pci and virtio-scsi/);
    expect(() => devices.addCold({ ...disk("c"), path: "/nonexistent" })).to.throw(/ENOENT/);
    expect(() => devices.addHot(disk("d"))).to.throw(/default_bridges/);
    expect(() => devices.addCold({ ...share, cacheSizeMiB: 1 })).to.throw(/DAX/);
    expect(() => devices.addCold({ ...share, tag: "x".repeat(37) })).to.throw(/36 bytes/);
    expect(() => devices.addCold({ ...card, tapFds: [] })).to.throw(/no descriptor/);
    expect(() => devices.addCold({ ...servedCard, queuePairs: 65 })).to.throw(
      /has 65 queue pairs, and 64 are the most/,
    );
    const strange = { kind: "gpu", id: "g" } as never;
    expect(codeThrownBy(() => devices.addCold(strange))).to.equal("KATA_HYPERVISOR_DEVICE");
    expect(codeThrownBy(() => devices.remove("nobody"))).to.equal("KATA_HYPERVISOR_DEVICE_UNKNOWN");
    expect(devices.list()).to.have.length(1);
  });
});
