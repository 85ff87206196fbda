import { dirname } from "node:path";
import { outDirectory, statusFile } from "./boot-archive.js";
import { hostVmVariable } from "./needs-host-vm.js";

/** What is run in the machine. */
export interface HostVmCommand {
  readonly command: readonly string[];
  /** Absolute; as it is on this machine. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What this kernel may have as modules: virtual machines, their channels, links and disks of the kinds that tests use. */
const modules = [
  "kvm-amd",
  "vhost_vsock",
  "vsock_loopback",
  "vhost_net",
  "tun",
  "virtio_net",
  "vfio-pci",
  "loop",
  "dm_thin_pool",
];

/** How machines are made in a host that is emulated itself: it takes long to find their memory, and they to boot. */
const configuration = `[hypervisor.qemu]
default_memory = 512
[agent.kata]
reconnect_timeout_ms = 180000
`;
const configurationFile = "/etc/kata-containers/kata-ts/configuration.toml";

/** A word as a shell reads it. */
const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/**
 * The script that makes a host of the machine: what a distribution mounts at boot, cgroups of version 2 alone, and the
 * modules; then it runs the command, notes its status, and turns the machine off.
 */
export function firstProgramText({ command, directory, env }: HostVmCommand): string {
  const assignments = Object.entries({ ...env, [hostVmVariable]: "1" }).map(
    ([name, value]) => `export ${name}=${quote(value)}`,
  );
  return [
    ...assignments,
    "mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t cgroup2 cgroup2 /sys/fs/cgroup",
    "mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs shm /dev/shm; mount -t tmpfs run /run",
    // The root is an overlay, on which containerd's snapshots cannot be: they are overlays themselves.
    "mkdir /run/tmp; export TMPDIR=/run/tmp",
    "modprobe virtio_console; stty -F /dev/hvc0 -onlcr; export TERM=dumb; exec </dev/null >/dev/hvc0 2>&1",
    "ip link set lo up; hostname host-vm",
    // There is no udev that would make the nodes of mapped devices: libdevmapper has to.
    "export DM_DISABLE_UDEV=1",
    // Two guests in huge pages that run at once hang or panic where KVM is emulated, those of two bare QEMUs too.
    "echo never >/sys/kernel/mm/transparent_hugepage/enabled",
    ...modules.map((name) => `modprobe ${name} || echo "host-vm: no module ${name}"`),
    `mkdir -p ${dirname(configurationFile)}; printf %s ${quote(configuration)} >${configurationFile}`,
    `cd ${quote(directory)}`,
    command.map(quote).join(" "),
    `echo $? >${outDirectory}/${statusFile}`,
    "sync; echo o >/proc/sysrq-trigger; sleep 30",
    "",
  ].join("\n");
}
