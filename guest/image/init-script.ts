/** How often the root disk is looked for, 5 ms apart. */
const rootLooks = 1000;

/** File systems of the initial RAM file system itself. */
export const earlyMounts = `dev /dev devtmpfs nosuid 0 0
proc /proc proc nosuid,nodev,noexec 0 0
sysfs /sys sysfs nosuid,nodev,noexec 0 0
`;

/** What the system finds mounted below its root, besides the root itself. */
export const rootMounts = `dev /new/dev devtmpfs nosuid 0 0
devpts /new/dev/pts devpts nosuid,noexec,gid=5,mode=620,ptmxmode=666 0 0
shm /new/dev/shm tmpfs nosuid,nodev,mode=1777 0 0
proc /new/proc proc nosuid,nodev,noexec 0 0
sysfs /new/sys sysfs nosuid,nodev,noexec 0 0
cgroup2 /new/sys/fs/cgroup cgroup2 nosuid,nodev,noexec 0 0
run /new/run tmpfs nosuid,nodev,mode=755 0 0
tmp /new/tmp tmpfs nosuid,nodev,mode=1777 0 0
`;

/** Modules of the buses virtio devices are on; ACPI tells of those that are not on PCI by this name. */
export const busModules = { pci: "virtio_pci", mmio: "virtio_mmio" } as const;
const mmioDevice = "/sys/bus/acpi/devices/LNRO0005:00";

/** Modules by the beginning of the root device's name. */
export const rootModules = {
  "/dev/vd": ["virtio_blk"],
  "/dev/pmem": ["virtio_pmem", "nfit", "nd_pmem"],
} as const;

/**
 * Modules of the ways to the host, of what it shares, and of the memory it gives and takes, by the number virtio gives the kind of device. Loading one here
 * costs a tenth of what it costs the agent, which would have to start a program for it.
 */
export const deviceModules = {
  "0x0001": "virtio_net",
  "0x0003": "virtio_console",
  "0x0005": "virtio_balloon",
  "0x0013": "vmw_vsock_virtio_transport",
  "0x0018": "virtio_mem",
  "0x001a": "virtiofs",
} as const;

/** File systems a root disk may have besides ext4, which is built into the kernel. */
export const rootFileSystems = ["erofs"] as const;

const rootCases = Object.entries(rootModules).map(
  ([start, modules]) => `  ${start}*) modprobe -a $buses ${modules.join(" ")} ;;`,
);

const deviceCases = Object.entries(deviceModules).map(([id, name]) => `    ${id}) modules="$modules ${name}" ;;`);

/**
 * `/init` of the initial RAM file system: finds the root disk the kernel's command line names, mounts it and what every
 * system expects, loads the drivers of the ways to the host, and becomes the system's own init. It honours `root=` (a virtio disk or
 * persistent memory), `rootfstype=`, `rootflags=`, `rw` and `init=`. Whatever fails is said on the console, and the machine
 * restarts, which ends it.
 *
 * It is made to be fast under emulation, where starting a program costs some five milliseconds: few programs are run (the
 * bare names are busybox's own, run without exec), and none is waited for that is not needed.
 */
export const initScript = `#!/bin/busybox sh
fail() {
  echo "kata-ts init: $*" >/dev/console
  /bin/busybox reboot -f
}

/bin/busybox mount -a
read -r started rest </proc/uptime
read -r parameters </proc/cmdline
root= type=ext4 flags= mode=ro init=/sbin/init
set -f
for word in $parameters; do
  case $word in
  root=*) root=\${word#root=} ;;
  rootfstype=*) type=\${word#rootfstype=} ;;
  rootflags=*) flags=\${word#rootflags=} ;;
  init=*) init=\${word#init=} ;;
  rw) mode=rw ;;
  esac
done
set +f

set -- /sys/bus/pci/devices/*
buses=
[ ! -e "$1" ] || buses=${busModules.pci}
[ ! -e ${mmioDevice} ] || buses="$buses ${busModules.mmio}"
case $root in
${rootCases.join("\n")}
  *) fail "root=$root is no disk that this initrd knows: it takes ${Object.keys(rootModules)
    .map((start) => `${start}*`)
    .join(" and ")}" ;;
esac
[ "$type" = ext4 ] || modprobe "$type" || fail "rootfstype=$type is not in this initrd: it has ext4 ${rootFileSystems.join(" ")}"

looks=0
until [ -b "$root" ]; do
  looks=$((looks + 1))
  [ $looks -lt ${rootLooks} ] || fail "root=$root did not appear; block devices here: $(echo $(ls /sys/class/block))"
  usleep 5000
done
# Flags of another image's file system (a journal's, say) shall not keep this one from being used.
mount -t "$type" -o "$mode\${flags:+,$flags}" "$root" /new || mount -t "$type" -o "$mode" "$root" /new ||
  fail "root=$root does not mount as $type"
read -r mounted rest </proc/uptime

modules=
for device in /sys/bus/virtio/devices/*/device; do
  read -r id <"$device"
  case $id in
${deviceCases.join("\n")}
  esac
done
[ -z "$modules" ] || modprobe -a $modules

# One devtmpfs is behind both of its mounts.
mkdir -p /dev/pts /dev/shm
mount -a -T /etc/fstab.root || fail "the file systems of /etc/fstab.root could not be mounted"
read -r ready rest </proc/uptime
export HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin KATA_TS_BOOT="init=$started root=$mounted ready=$ready"
umount /sys /proc /dev
exec /bin/busybox switch_root /new "$init"
`;
