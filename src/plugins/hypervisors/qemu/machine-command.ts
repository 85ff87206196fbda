import type { HypervisorConfig } from "../../../core/config/keys/hypervisor.js";
import type { VmSpec } from "../../../core/contracts/hypervisor.js";
import type { Accelerator } from "./accelerator.js";
import type { MachineType } from "./machine-type.js";
import { MmioBus, PciBus, type Slot, type VirtioBus } from "./bus.js";
import { QemuCommand } from "./command.js";
import { scsiHost, virtioDisk } from "./disk.js";
import { diskThreads } from "./disk-threads.js";
import type { DeviceSet } from "./device-set.js";
import { addToCommand, deviceProperties } from "./device-plan.js";
import { memoryObject } from "./memory-object.js";
import type { Room } from "./room.js";
import { serialBackend, serialNumber, serialPort } from "./serial-ports.js";
import { virtioMemory } from "./virtio-mem.js";
import type { GuestFiles } from "../../../core/hypervisor/guest-files.js";

/** Listening sockets of ours that QEMU inherits, as descriptors. */
export interface MachineSockets {
  readonly monitor: number;
  readonly console: number;
  /** A second monitor, for people. */
  readonly extraMonitor?: number;
}

/** How the guest is reached: the kernel's vsock on an open `/dev/vhost-vsock`, or a socket for each port. */
export type ChannelParts =
  | { readonly kind: "vsock"; readonly cid: number; readonly fd: number }
  | { readonly kind: "virtio-serial"; readonly ports: readonly { readonly port: number; readonly fd: number }[] };

/** The slots that every machine fills, taken before those of devices so that the image is the first disk. */
export interface FixedSlots {
  readonly image: Slot;
  readonly channel: Slot;
  readonly entropy: Slot;
  readonly balloon?: Slot;
  readonly scsi?: Slot;
  /** Of memory that is plugged later. */
  readonly memory?: Slot;
}

/** Everything QEMU's command line says. */
export interface MachineParts {
  readonly name: string;
  readonly uuid: string;
  readonly machineType: MachineType;
  readonly accelerator: Accelerator;
  readonly config: HypervisorConfig;
  readonly spec: Pick<VmSpec, "vcpus" | "memoryMiB">;
  readonly guest: GuestFiles;
  readonly commandLine: string;
  readonly sockets: MachineSockets;
  readonly channel: ChannelParts;
  readonly bus: VirtioBus;
  readonly slots: FixedSlots;
  readonly devices: DeviceSet;
  /** What is set aside for it to grow into; absent when it does not. */
  readonly room?: Room | undefined;
}

/** The bus of a machine type. */
export function busOf(machineType: MachineType, bridges: number): VirtioBus {
  return machineType === "q35" ? new PciBus(bridges) : new MmioBus();
}

// What a container's machine has no use for: disk controllers, USB, a keyboard, a port of VMware, timers of old PCs. The second
// interrupt controller of a microvm loses the interrupts of disks when it is emulated.
const leanMachines: Readonly<Record<MachineType, Readonly<Record<string, boolean>>>> = {
  q35: { sata: false, smbus: false, usb: false, vmport: false, i8042: false },
  microvm: {
    "x-option-roms": false,
    "auto-kernel-cmdline": false,
    ioapic2: false,
    pit: false,
    pic: false,
    rtc: true,
    acpi: true,
  },
};

function addMachine(command: QemuCommand, parts: MachineParts): void {
  const { machineType, accelerator, config } = parts;
  const values = {
    ...leanMachines[machineType],
    "memory-backend": "memory",
    "mem-merge": false,
    "dump-guest-core": false,
  };
  const own = Object.entries(values).map(
    ([key, value]) => `${key}=${typeof value === "boolean" ? (value ? "on" : "off") : value}`,
  );
  command.option("machine", [machineType, ...own, ...accelerator.machineOptions].join(","));
  // QEMU's virtio-mmio is of virtio 0.9 otherwise, which programs that serve devices do not speak.
  if (machineType === "microvm") command.option("global", "virtio-mmio.force-legacy=off");
  if (accelerator.kind === "kvm") command.option("accel", "kvm");
  else command.option("accel", "tcg,thread=multi");
  // Five-level page tables make every miss of an emulated TLB dearer, and serve only more than 64 TiB. Where a processor says that
  // it moves and clears bytes fast ("erms"), kernels do so byte by byte, which takes an emulated one far longer than by words.
  const model = accelerator.kind === "kvm" ? ["host"] : ["max", "la57=off", "erms=off"];
  const noNesting = config.disable_nested_virtualization ? ["vmx=off", "svm=off"] : [];
  const features = config.cpu_features.split(",").filter((word) => word !== "");
  command.option("cpu", [...model, ...noNesting, ...features].join(","));
  const { vcpus } = parts.spec;
  const maxcpus = parts.room?.vcpus ?? vcpus;
  const mayCome = maxcpus > vcpus ? maxcpus : undefined;
  command.keyed("smp", `${vcpus}`, { maxcpus: mayCome, sockets: 1, cores: maxcpus, threads: 1 });
  if (config.firmware !== "") command.option("bios", config.firmware);
  for (const file of config.pflashes) command.keyed("drive", "if=pflash", { format: "raw", readonly: true, file });
}

function addMemory(command: QemuCommand, { config, spec, devices, room, bus, slots }: MachineParts): void {
  const { memoryMiB } = spec;
  const shared = devices.sharesMemory;
  command.json("object", memoryObject({ id: "memory", sizeMiB: memoryMiB, shared }, config));
  const more = (room?.memoryMiB ?? memoryMiB) - memoryMiB;
  if (room === undefined || more <= 0) return void command.option("m", `${memoryMiB}M`);
  const modules = room.slots > 0 ? room.slots : undefined;
  command.keyed("m", `${memoryMiB}M`, { slots: modules, maxmem: `${room.memoryMiB}M` });
  if (slots.memory === undefined) return;
  const id = `${virtioMemory}-memory`;
  // Taken from the host as the guest plugs it in, also with enable_mem_prealloc.
  const object = memoryObject({ id, sizeMiB: more, shared }, { ...config, enable_mem_prealloc: false });
  command.json("object", { ...object, reserve: false });
  command.json("device", {
    driver: bus.model("virtio-mem"),
    id: virtioMemory,
    memdev: id,
    "requested-size": 0,
    ...(config.enable_mem_prealloc && { prealloc: true }),
    ...slots.memory.place,
  });
}

function addGuest(command: QemuCommand, parts: MachineParts): void {
  const { guest, config, bus, slots, accelerator } = parts;
  command.option("kernel", guest.kernel).option("append", parts.commandLine);
  if (guest.initrd !== undefined) command.option("initrd", guest.initrd);
  if (guest.image === undefined) return;
  // Never written to, so shared by all machines through the host's page cache, whatever the keys for other disks say.
  const keys = {
    ...config,
    block_device_aio: "threads",
    block_device_cache_set: false,
    block_device_logical_sector_size: 0,
    block_device_physical_sector_size: 0,
    disk_rate_limiter_bw_max_rate: 0,
    disk_rate_limiter_ops_max_rate: 0,
  } as const;
  const [thread] = diskThreads(config);
  const image = virtioDisk("image", { path: guest.image, readOnly: true }, { bus, slot: slots.image, thread }, keys);
  addToCommand(command, image, accelerator.kind);
}

function addConsole(command: QemuCommand, { sockets, config }: MachineParts): void {
  command.listening("monitor", sockets.monitor).keyed("mon", "chardev=monitor", { mode: "control" });
  command.listening("console", sockets.console).option("serial", "chardev:console");
  if (sockets.extraMonitor === undefined) return;
  const people = config.extra_monitor_socket === "hmp";
  command.listening("extra", sockets.extraMonitor).keyed("mon", "chardev=extra", {
    mode: people ? "readline" : "control",
    pretty: config.extra_monitor_socket === "qmp-pretty" ? true : undefined,
  });
}

/** A device that has little to do is told by the processor itself, so that QEMU need not wait for it at every packet. */
const seldom = ({ pciPath }: Slot) => (pciPath === undefined ? {} : { ioeventfd: false });

function addChannel(command: QemuCommand, { channel, bus, slots }: MachineParts): void {
  if (channel.kind === "vsock") {
    command.json("device", {
      driver: bus.model("vhost-vsock"),
      id: "channel",
      "guest-cid": channel.cid,
      vhostfd: String(command.inherit(channel.fd)),
      ...slots.channel.place,
    });
    return;
  }
  command.json("device", {
    driver: bus.model("virtio-serial"),
    id: "channel",
    // QEMU has two queues for each port there may be, 31 unless told, and looks at all of them whenever it does anything.
    max_ports: Math.max(...channel.ports.map(({ port }) => serialNumber(port))) + 1,
    ...seldom(slots.channel),
    ...slots.channel.place,
  });
  for (const { port, fd } of channel.ports) {
    command.listening(serialBackend(port), fd).json("device", serialPort(port));
  }
}

function addCommonDevices(command: QemuCommand, { config, bus, slots, accelerator }: MachineParts): void {
  command.json("object", { "qom-type": "rng-random", id: "entropy", filename: config.entropy_source || undefined });
  command.json("device", {
    driver: bus.model("virtio-rng"),
    id: "rng",
    rng: "entropy",
    ...seldom(slots.entropy),
    ...slots.entropy.place,
  });
  if (slots.balloon !== undefined) {
    command.json("device", {
      driver: bus.model("virtio-balloon"),
      id: "balloon",
      "free-page-reporting": true,
      "deflate-on-oom": true,
      ...slots.balloon.place,
    });
  }
  if (slots.scsi !== undefined) {
    command.json("device", deviceProperties(scsiHost(bus, slots.scsi, config), accelerator.kind));
  }
  if (bus instanceof PciBus) for (const bridge of bus.bridges()) command.json("device", bridge);
}

/**
 * QEMU's command line for a machine that waits, not yet running, for its monitor. `command` has the descriptors that devices
 * have been promised.
 */
export function writeMachine(command: QemuCommand, parts: MachineParts): QemuCommand {
  const { config } = parts;
  command.keyed("name", parts.name, { "debug-threads": true }).option("uuid", parts.uuid);
  for (const flag of ["no-user-config", "nodefaults", "no-reboot", "S"]) command.option(flag);
  command.option("display", "none");
  if (config.seccomp_sandbox !== "") command.option("sandbox", config.seccomp_sandbox);
  addMachine(command, parts);
  addMemory(command, parts);
  for (const id of diskThreads(config)) command.json("object", { "qom-type": "iothread", id });
  addConsole(command, parts);
  addGuest(command, parts);
  addChannel(command, parts);
  addCommonDevices(command, parts);
  for (const { plan } of parts.devices.list()) addToCommand(command, plan, parts.accelerator.kind);
  return command;
}
