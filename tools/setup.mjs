// What the demo and the tests need of the machine, installed by themselves. Node's own modules only: this runs first.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The environment of what we start: certificates listed here are parsed at every start of Node, for nothing. */
export const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };

/** Runs a command with our stdio; ends the program when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit", env: environment, ...options });
  if (result.error) throw result.error;
  if (result.status !== 0) {
    console.error(`${command} ${args.join(" ")} ended with ${result.signal ?? result.status}`);
    process.exit(result.status ?? 1);
  }
}

/** Debian packages, and a file each one is known by. */
const packages = {
  "qemu-system-x86": () => existsSync("/usr/bin/qemu-system-x86_64"),
  "qemu-system-common": () => existsSync("/usr/lib/qemu/virtiofsd") || existsSync("/usr/libexec/virtiofsd"),
  crun: () => existsSync("/usr/bin/crun"),
  "busybox-static": () => existsSync("/bin/busybox"),
  "linux-image-cloud-amd64": () =>
    existsSync("/boot") && readdirSync("/boot").some((name) => /^vmlinuz-.*-cloud-amd64$/.test(name)),
  kmod: () => existsSync("/sbin/modprobe"),
  e2fsprogs: () => existsSync("/sbin/mkfs.ext4"),
  containerd: () => existsSync("/usr/bin/containerd"),
  "containernetworking-plugins": () => existsSync("/usr/lib/cni/bridge"),
  runc: () => existsSync("/usr/sbin/runc") || existsSync("/usr/bin/runc"),
  "dpdk-dev": () => existsSync("/usr/bin/dpdk-testpmd"),
  "acpica-tools": () => existsSync("/usr/bin/iasl"),
  "erofs-utils": () => existsSync("/usr/bin/mkfs.erofs"),
  systemd: () => existsSync("/lib/systemd/systemd") && existsSync("/usr/bin/busctl"),
  dbus: () => existsSync("/usr/bin/dbus-daemon") && existsSync("/usr/share/dbus-1/system.conf"),
  dmsetup: () => existsSync("/sbin/dmsetup"),
  iproute2: () => existsSync("/sbin/ip") || existsSync("/usr/sbin/ip") || existsSync("/bin/ip"),
};

/** What a virtual machine needs, and what the tests need besides. */
export const machinePackages = [
  "qemu-system-x86",
  "qemu-system-common",
  "crun",
  "busybox-static",
  "linux-image-cloud-amd64",
  "kmod",
  "e2fsprogs",
];
/** Of those, what only QEMU's machines need. */
export const qemuPackages = new Set(["qemu-system-x86", "qemu-system-common"]);
export const testPackages = [
  ...machinePackages,
  "containerd",
  "containernetworking-plugins",
  "runc",
  "iproute2",
  "dpdk-dev",
  "acpica-tools",
  "dmsetup",
  "erofs-utils",
  "systemd",
  "dbus",
];

/** Installs the packages that are missing from the distribution, saying first which. */
export function installPackages(names) {
  const missing = names.filter((name) => !packages[name]());
  if (missing.length === 0) return;
  if (!existsSync("/usr/bin/apt-get")) {
    console.error(
      `These programs are missing and this is no Debian: ${missing.join(", ")}. Install them and try again.`,
    );
    process.exit(1);
  }
  if (process.getuid() !== 0) {
    console.error(`As root, run: apt-get install --no-install-recommends ${missing.join(" ")}`);
    process.exit(1);
  }
  console.log(`Installing from the distribution: ${missing.join(", ")}`);
  const quiet = { stdio: ["ignore", "ignore", "inherit"] };
  run("apt-get", ["update", "-qq"], quiet);
  run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], quiet);
}

/** Installs npm's packages when they are not there as package-lock.json has them. */
export function installModules() {
  const lock = join(root, "package-lock.json");
  const marker = join(root, "node_modules", ".package-lock.json");
  if (existsSync(marker)) {
    const check = spawnSync("npm", ["ls", "--silent", "--all"], { cwd: root, stdio: "ignore", env: environment });
    if (check.status === 0) return;
  }
  console.log(`Installing npm packages as ${lock} has them`);
  run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"]);
}
