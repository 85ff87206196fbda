import { expect } from "chai";
import * as fc from "fast-check";
import { defaultsOf } from "../../../../../src/core/config/keys/key.js";
import { type HypervisorConfig, hypervisorKeys } from "../../../../../src/core/config/keys/hypervisor.js";
import type { MachineType } from "../../../../../src/plugins/hypervisors/qemu/machine-type.js";
import { QemuCommand } from "../../../../../src/plugins/hypervisors/qemu/command.js";
import { DeviceSet } from "../../../../../src/plugins/hypervisors/qemu/device-set.js";
import {
  busOf,
  type ChannelParts,
  type MachineParts,
  writeMachine,
} from "../../../../../src/plugins/hypervisors/qemu/machine-command.js";

const settings: HypervisorConfig = { ...defaultsOf(hypervisorKeys), default_bridges: 1 };
const serial: ChannelParts = {
  kind: "virtio-serial",
  ports: [
    { port: 1024, fd: 50 },
    { port: 1025, fd: 51 },
  ],
};

function machine(
  machineType: MachineType,
  channel: ChannelParts,
  more: Partial<HypervisorConfig> = {},
  addDevices: (devices: DeviceSet) => void = () => undefined,
  parts: Partial<MachineParts> = {},
): QemuCommand {
  const config = { ...settings, ...more };
  const command = new QemuCommand();
  const bus = busOf(machineType, config.default_bridges);
  const slots = {
    image: bus.coldSlot(),
    channel: bus.coldSlot(),
    entropy: bus.coldSlot(),
    ...(config.reclaim_guest_freed_memory && { balloon: bus.coldSlot() }),
    ...(config.block_device_driver === "virtio-scsi" && { scsi: bus.coldSlot() }),
    ...(config.enable_virtio_mem && { memory: bus.coldSlot() }),
  };
  const devices = new DeviceSet(bus, config, 1, (fd) => command.inherit(fd));
  addDevices(devices);
  return writeMachine(command, {
    name: "kata-a,b",
    uuid: "00000000-0000-4000-8000-000000000000",
    machineType,
    accelerator: { kind: "tcg", reason: "test", machineOptions: [] },
    config,
    spec: { vcpus: 2, memoryMiB: 256 },
    guest: { kernel: "/g/vmlinuz", initrd: "/g/initrd", image: "/dev/null", parameters: [] },
    commandLine: "quiet root=/dev/vda",
    sockets: { monitor: 40, console: 41 },
    channel,
    bus,
    slots,
    devices,
    ...parts,
  });
}

/** The values of one option, those in JSON parsed. */
function values(command: QemuCommand, option: string): unknown[] {
  return command.args.flatMap((arg, index) => {
    if (arg !== `-${option}`) return [];
    const value = command.args[index + 1] ?? "";
    return [value.startsWith("{") ? (JSON.parse(value) as unknown) : value];
  });
}

describe("QEMU's command line", () => {
  it("is this for q35 with virtio-serial", () => {
    const command = machine("q35", serial);
    expect(command.fds).to.deep.equal([40, 41, 50, 51]);
    expect(command.args).to.deep.equal([
      "-name",
      "kata-a,,b,debug-threads=on",
      "-uuid",
      "00000000-0000-4000-8000-000000000000",
      "-no-user-config",
      "-nodefaults",
      "-no-reboot",
      "-S",
      "-display",
      "none",
      "-machine",
      "q35,sata=off,smbus=off,usb=off,vmport=off,i8042=off,memory-backend=memory,mem-merge=off,dump-guest-core=off",
      "-accel",
      "tcg,thread=multi",
      "-cpu",
      "max,la57=off,erms=off",
      "-smp",
      "2,sockets=1,cores=2,threads=1",
      "-object",
      '{"qom-type":"memory-backend-ram","id":"memory","size":268435456}',
      "-m",
      "256M",
      "-chardev",
      "socket,id=monitor,fd=3,server=on,wait=off",
      "-mon",
      "chardev=monitor,mode=control",
      "-chardev",
      "socket,id=console,fd=4,server=on,wait=off",
      "-serial",
      "chardev:console",
      "-kernel",
      "/g/vmlinuz",
      "-append",
      "quiet root=/dev/vda",
      "-initrd",
      "/g/initrd",
      "-blockdev",
      '{"driver":"raw","node-name":"image-disk","read-only":true,"cache":{"direct":false,"no-flush":false},' +
        '"file":{"driver":"file","filename":"/dev/null","aio":"threads","read-only":true,"cache":{"direct":false,"no-flush":false}}}',
      "-device",
      '{"driver":"virtio-blk-pci-non-transitional","id":"image","drive":"image-disk","bus":"pcie.0","addr":"0x01","num-queues":1,"queue-size":128,"ioeventfd":false}',
      "-device",
      '{"driver":"virtio-serial-pci-non-transitional","id":"channel","max_ports":3,"ioeventfd":false,"bus":"pcie.0","addr":"0x02"}',
      "-chardev",
      "socket,id=port-1024,fd=5,server=on,wait=off",
      "-device",
      '{"driver":"virtserialport","id":"channel-1024","bus":"channel.0","chardev":"port-1024","name":"kata.1024","nr":1}',
      "-chardev",
      "socket,id=port-1025,fd=6,server=on,wait=off",
      "-device",
      '{"driver":"virtserialport","id":"channel-1025","bus":"channel.0","chardev":"port-1025","name":"kata.1025","nr":2}',
      "-object",
      '{"qom-type":"rng-random","id":"entropy","filename":"/dev/urandom"}',
      "-device",
      '{"driver":"virtio-rng-pci-non-transitional","id":"rng","rng":"entropy","ioeventfd":false,"bus":"pcie.0","addr":"0x03"}',
      "-device",
      '{"driver":"pci-bridge","id":"bridge0","bus":"pcie.0","addr":"0x1e","chassis_nr":1,"shpc":false,"mem-reserve":1048576,"pref64-reserve":1048576}',
    ]);
  });

  it("is this for a microvm with vsock", () => {
    const command = machine("microvm", { kind: "vsock", cid: 77777, fd: 60 });
    expect(values(command, "machine")).to.deep.equal([
      "microvm,x-option-roms=off,auto-kernel-cmdline=off,ioapic2=off,pit=off,pic=off,rtc=on,acpi=on," +
        "memory-backend=memory,mem-merge=off,dump-guest-core=off",
    ]);
    expect(command.fds).to.deep.equal([40, 41, 60]);
    expect(values(command, "global")).to.deep.equal(["virtio-mmio.force-legacy=off"]);
    expect(values(command, "device")).to.deep.equal([
      {
        driver: "virtio-blk-device",
        id: "image",
        drive: "image-disk",
        bus: "virtio-mmio-bus.0",
        "num-queues": 1,
        "queue-size": 128,
      },
      { driver: "vhost-vsock-device", id: "channel", "guest-cid": 77777, vhostfd: "5", bus: "virtio-mmio-bus.1" },
      { driver: "virtio-rng-device", id: "rng", rng: "entropy", bus: "virtio-mmio-bus.2" },
    ]);
  });

  it("runs the host's CPU on KVM, and passes on what configuration adds", () => {
    const command = machine(
      "q35",
      serial,
      { cpu_features: "pmu=off", disable_nested_virtualization: true, firmware: "/f,w", pflashes: ["/p,f"] },
      undefined,
      { accelerator: { kind: "kvm", reason: "", machineOptions: ["kernel_irqchip=split"] } },
    );
    expect(values(command, "accel")).to.deep.equal(["kvm"]);
    expect(values(command, "cpu")).to.deep.equal(["host,vmx=off,svm=off,pmu=off"]);
    expect(values(command, "machine")[0]).to.match(/,kernel_irqchip=split$/);
    expect(values(command, "bios")).to.deep.equal(["/f,w"]);
    expect(values(command, "drive")).to.deep.equal(["if=pflash,format=raw,readonly=on,file=/p,,f"]);
  });

  it("shares memory exactly when a daemon needs it, and takes it from where configuration says", () => {
    const memory = (more: Partial<HypervisorConfig>, shared = false) =>
      values(
        machine("q35", serial, more, (devices) => {
          const fs = {
            kind: "fs",
            id: "share",
            tag: "kataShared",
            socket: "/s.sock",
            queueSize: 1024,
            cacheSizeMiB: 0,
          };
          if (shared) devices.addCold(fs as never);
        }),
        "object",
      )[0];
    const plain = { "qom-type": "memory-backend-ram", id: "memory", size: 256 * 2 ** 20 };
    expect(memory({})).to.deep.equal(plain);
    const memfd = { ...plain, "qom-type": "memory-backend-memfd" };
    expect(memory({}, true)).to.deep.equal({ ...memfd, share: true });
    expect(memory({ enable_hugepages: true }, true)).to.deep.equal({ ...memfd, share: true, hugetlb: true });
    expect(memory({ enable_hugepages: true, hugepage_type: "thp" })).to.deep.equal(plain);
    expect(memory({ enable_mem_prealloc: true })).to.deep.equal({ ...plain, prealloc: true });
  });

  it("sets aside what the machine may grow into", () => {
    const room = { vcpus: 4, memoryMiB: 1024, slots: 10, blockMiB: 128 };
    const modules = machine("q35", serial, {}, undefined, { room });
    expect(values(modules, "smp")).to.deep.equal(["2,maxcpus=4,sockets=1,cores=4,threads=1"]);
    expect(values(modules, "m")).to.deep.equal(["256M,slots=10,maxmem=1024M"]);
    expect(values(modules, "object")).to.have.length(2);
    const none = machine("q35", serial, {}, undefined, { room: { ...room, vcpus: 2, memoryMiB: 256, slots: 0 } });
    expect(values(none, "smp")).to.deep.equal(["2,sockets=1,cores=2,threads=1"]);
    expect(values(none, "m")).to.deep.equal(["256M"]);
    const keys = { enable_virtio_mem: true, enable_mem_prealloc: true };
    const virtioMem = machine("q35", serial, keys, undefined, { room: { ...room, slots: 0 } });
    expect(values(virtioMem, "m")).to.deep.equal(["256M,maxmem=1024M"]);
    expect(values(virtioMem, "object")[1]).to.deep.equal({
      "qom-type": "memory-backend-ram",
      id: "plugged-memory",
      size: 768 * 2 ** 20,
      reserve: false,
    });
    expect(values(virtioMem, "device")).to.deep.include({
      driver: "virtio-mem-pci",
      id: "plugged",
      memdev: "plugged-memory",
      "requested-size": 0,
      prealloc: true,
      bus: "pcie.0",
      addr: "0x04",
    });
  });

  it("shares memory with a program that serves a card, to whose socket it connects", () => {
    const served = (parts: Partial<MachineParts> = {}, machineType: MachineType = "q35") =>
      machine(
        machineType,
        serial,
        {},
        (devices) => {
          devices.addCold({
            kind: "vhost-user-net",
            id: "eth0",
            hardwareAddress: "02:00:00:00:00:01",
            socket: "/run/a,b.sock",
            queuePairs: 2,
            queueSize: 256,
          });
        },
        parts,
      );
    const command = served({ accelerator: { kind: "kvm", reason: "", machineOptions: [] } });
    expect(values(command, "object")[0]).to.deep.include({ "qom-type": "memory-backend-memfd", share: true });
    expect(values(command, "chardev").at(-1)).to.equal("socket,id=device0-socket,path=/run/a,,b.sock");
    expect(values(command, "netdev")).to.deep.equal([
      { type: "vhost-user", id: "device0-served", chardev: "device0-socket", queues: 2 },
    ]);
    expect(values(command, "device").at(-1)).to.deep.include({ netdev: "device0-served", mq: true, vectors: 6 });
    // Interrupts of such a card that are messages need KVM.
    expect(values(served(), "device").at(-1)).to.deep.include({ netdev: "device0-served", mq: true, vectors: 0 });
    expect(values(served({}, "microvm"), "device").at(-1)).to.not.have.property("vectors");
  });

  it("has what is asked for besides: balloon, SCSI, an I/O thread, a sandbox, a monitor for people", () => {
    const more: Partial<HypervisorConfig> = {
      reclaim_guest_freed_memory: true,
      block_device_driver: "virtio-scsi",
      enable_iothreads: true,
      seccomp_sandbox: "on,spawn=deny",
      extra_monitor_socket: "qmp-pretty",
      default_bridges: 0,
    };
    const command = machine("q35", serial, more, undefined, {
      sockets: { monitor: 40, console: 41, extraMonitor: 42 },
    });
    const drivers = values(command, "device").map((device) => (device as { driver: string }).driver);
    expect(drivers)
      .to.include.members(["virtio-balloon-pci-non-transitional", "virtio-scsi-pci-non-transitional"])
      .and.not.include("pci-bridge");
    expect(values(command, "object")).to.deep.include({ "qom-type": "iothread", id: "disks0" });
    expect(values(command, "device")).to.deep.include({
      driver: "virtio-scsi-pci-non-transitional",
      id: "scsi0",
      bus: "pcie.0",
      addr: "0x05",
      num_queues: 1,
      virtqueue_size: 128,
      iothread: "disks0",
    });
    expect(values(command, "sandbox")).to.deep.equal(["on,spawn=deny"]);
    expect(values(command, "mon")).to.include("chardev=extra,mode=control,pretty=on");
    expect(values(machine("q35", serial, { seccomp_sandbox: "" }), "sandbox")).to.deep.equal([]);
  });

  it("has emulated processors begin what disks do, where nothing else has to be woken for it", () => {
    const scsi: Partial<HypervisorConfig> = { block_device_driver: "virtio-scsi" };
    const kvm = { accelerator: { kind: "kvm", reason: "", machineOptions: [] } } as const;
    const disks = (more: Partial<HypervisorConfig>, parts: Parameters<typeof machine>[4] = {}) =>
      values(machine("q35", serial, more, undefined, parts), "device").filter((device) =>
        /blk|scsi/.test((device as { driver: string }).driver),
      );
    expect(disks(scsi)).to.have.length(2);
    for (const disk of disks(scsi)) expect(disk).to.include({ ioeventfd: false });
    for (const disk of disks(scsi, kvm)) expect(disk).to.not.have.property("ioeventfd");
    for (const disk of disks({ ...scsi, enable_iothreads: true })) expect(disk).to.not.have.property("ioeventfd");
  });

  it("boots without a disk when there is no image", () => {
    const command = machine("q35", serial, {}, undefined, { guest: { kernel: "/k", parameters: [] } });
    expect(values(command, "blockdev")).to.deep.equal([]);
    expect(values(command, "initrd")).to.deep.equal([]);
  });

  it("never lets a value begin another option", () => {
    const property = fc.property(fc.string(), (value) => {
      const { args } = new QemuCommand().keyed("chardev", "socket", { id: "x", path: value });
      const unescaped = (args[1] ?? "").replaceAll(",,", "\u0000");
      expect(unescaped.split(",")).to.have.length(3);
      expect(args).to.have.length(2);
    });
    fc.assert(property);
  });
});
