import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { probeKvm } from "../src/core/kvm/probe.js";
import { defaultRoots } from "../src/core/runtime/roots.js";
import { currentGuestImage } from "../guest/image/index.js";
import { mac, type TestPod } from "../test/support/test-pod.js";
import { type Shell, TypedShell } from "./shell.js";

const bootMs = 120_000;
const tap = "tap9";

/** The commands that a person types to join a pod's link with a tap. */
const typed = [
  `ip tuntap add dev ${tap} mode tap vnet_hdr`,
  `ip link set dev ${tap} up`,
  `tc qdisc add dev eth0 ingress`,
  `tc qdisc add dev ${tap} ingress`,
  `tc filter add dev eth0 parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev ${tap}`,
  `tc filter add dev ${tap} parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev eth0`,
];

const controllers = "+cpu +memory +pids +io +cpuset";

/**
 * Puts the shell into a control group as deep as a container's: what is accounted there costs an emulated guest as much as
 * the network does, and is none of the network's.
 */
const enterGroup = `cd /sys/fs/cgroup; mkdir -p bench/one; for group in . bench; do echo "${controllers}" >$group/cgroup.subtree_control; done
  echo $$ >bench/one/cgroup.procs; cd /`;

/**
 * A QEMU with nothing of ours about it: the guest's kernel, by its own parameters, with a shell on its console and no agent,
 * a card on a tap that was set up by hand, the pod's address.
 */
export class BareShell implements Shell {
  readonly #machine: ChildProcess;
  readonly #shell: TypedShell;

  private constructor(machine: ChildProcessByStdio<Writable, Readable, null>) {
    this.#machine = machine;
    this.#shell = new TypedShell(machine.stdin, machine.stdout);
  }

  /** Boots it in the namespace of a pod, in `memoryMiB` of memory. */
  static async boot(pod: TestPod, memoryMiB: number): Promise<BareShell> {
    for (const line of typed) {
      const [program = "", ...words] = line.split(" ");
      pod.run(program, words);
    }
    const image = currentGuestImage(defaultRoots.guestCache);
    if (image === undefined) throw new Error("no guest is built");
    const kvm = (await probeKvm()).usable;
    const vhost = isThere("/dev/vhost-net") ? ",vhost=on" : "";
    const options = `-name bare,debug-threads=on
      -machine q35,sata=off,smbus=off,usb=off,vmport=off,i8042=off
      -accel ${kvm ? "kvm" : "tcg,thread=multi"}
      -cpu ${kvm ? "host" : "max,la57=off"}
      -m ${memoryMiB}
      -display none
      -serial stdio
      -kernel ${image.vmlinuz}
      -initrd ${image.initrd}
      -append console=ttyS0 quiet ${image.manifest.kernelParams.join(" ")} init=/bin/sh
      -drive if=none,id=disk,file=${image.image},format=raw,readonly=on
      -device virtio-blk-pci,drive=disk
      -netdev tap,id=net,ifname=${tap},script=no,downscript=no${vhost}
      -device virtio-net-pci,netdev=net,mac=${mac(1, 2)},romfile=`;
    const args = options.split("\n").flatMap((line) => line.trim().split(/ (.*)/s, 2));
    const inside = [`--net=${pod.namespace}`, "qemu-system-x86_64", ...args, "-nodefaults", "-no-user-config"];
    const shell = new BareShell(spawn("nsenter", inside, { stdio: ["pipe", "pipe", "inherit"] }));
    try {
      await shell.#shell.shows(/ # /, bootMs);
      await shell.run("stty -echo; modprobe virtio_net; sleep 1");
      await shell.run("ip link set eth0 up; ip addr add 10.1.1.2/24 dev eth0");
      await shell.run(enterGroup);
      return shell;
    } catch (error) {
      await shell.close();
      throw error;
    }
  }

  run(script: string): Promise<string> {
    return this.#shell.run(script);
  }

  async close(): Promise<void> {
    this.#machine.kill("SIGKILL");
    await once(this.#machine, "exit");
  }
}

function isThere(device: string): boolean {
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
