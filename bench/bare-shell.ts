import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import type { Readable, Writable } from "node:stream";
import { probeKvm } from "../src/core/kvm/probe.js";
import { mac, type TestPod } from "../test/support/test-pod.js";
import { BareVirtiofsd } from "./bare-virtiofsd.js";
import { type Shell, TypedShell } from "./shell.js";
import { shellGuest, shellReady } from "./shell-guest.js";

const tap = "tap9";
const shareTag = "files";
/** Where in the guest a shared directory is. */
export const sharePlace = "/mnt";
/** The same of a disk's file system. */
export const diskPlace = "/mnt";

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

/** What the machine has. */
export interface BareMachine {
  readonly memoryMiB: number;
  /** Whose namespace it is in, with a card on a tap that was set up by hand, and the pod's address; no card unless told. */
  readonly pod?: TestPod;
  /** A raw file that is the guest's /dev/vdb, which it only reads; none unless told. */
  readonly disk?: string;
  /** A raw file with an ext4 that the guest has at `diskPlace`, written as a container's disks are; none unless told. */
  readonly files?: string;
  /** A directory of the host that the guest has at `sharePlace`, by a virtiofsd; none unless told. */
  readonly share?: string;
}

/** Room to grow, as machines of containers have it: for QEMU and the kernel one that may have more processors is another one. */
const mostVcpus = availableParallelism();
const mostMemoryMiB = Math.min(Math.floor(totalmem() / 2 ** 20), 2 ** 19);

/**
 * A QEMU with nothing of ours about it: the guest's kernel, by its own parameters, with a shell on its console and no agent.
 */
export class BareShell implements Shell {
  readonly #machine: ChildProcess;
  readonly #daemon: BareVirtiofsd | undefined;
  readonly #shell: TypedShell;

  private constructor(machine: ChildProcessByStdio<Writable, Readable, null>, daemon: BareVirtiofsd | undefined) {
    this.#machine = machine;
    this.#daemon = daemon;
    this.#shell = new TypedShell(machine.stdin, machine.stdout);
  }

  static async boot(options: BareMachine): Promise<BareShell> {
    const { pod, share, files } = options;
    if (pod !== undefined) setTapUp(pod);
    const daemon = share === undefined ? undefined : await BareVirtiofsd.start(share);
    const [program, args] = await commandOf(options, daemon?.socket);
    const shell = new BareShell(spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] }), daemon);
    try {
      await shellReady(shell.#shell);
      if (pod !== undefined) {
        await shell.run("modprobe virtio_net; sleep 1");
        await shell.run("ip link set eth0 up; ip addr add 10.1.1.2/24 dev eth0");
        await shell.run(enterGroup);
      }
      if (share !== undefined) {
        await shell.run(`modprobe virtiofs; mount -t virtiofs ${shareTag} ${sharePlace}`);
        await shell.run(enterGroup);
      }
      if (files !== undefined) {
        await shell.run(`mount -t ext4 /dev/vdb ${diskPlace}`);
        await shell.run(enterGroup);
      }
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
    // One that has ended by itself tells of it no more.
    if (this.#machine.exitCode === null && this.#machine.signalCode === null) {
      this.#machine.kill("SIGKILL");
      await once(this.#machine, "exit");
    }
    await this.#daemon?.close();
  }
}

function setTapUp(pod: TestPod): void {
  for (const line of typed) {
    const [program = "", ...words] = line.split(" ");
    pod.run(program, words);
  }
}

async function commandOf(
  { memoryMiB, pod, disk, files: root }: BareMachine,
  shareSocket: string | undefined,
): Promise<[program: string, args: string[]]> {
  const { image, commandLine } = shellGuest();
  const kvm = (await probeKvm()).usable;
  const vhost = isThere("/dev/vhost-net") ? ",vhost=on" : "";
  const options = `-name bare,debug-threads=on
    -machine q35,sata=off,smbus=off,usb=off,vmport=off,i8042=off
    -accel ${kvm ? "kvm" : "tcg,thread=multi"}
    -cpu ${kvm ? "host" : "max,la57=off,erms=off"}
    -smp 1,maxcpus=${mostVcpus},sockets=1,cores=${mostVcpus},threads=1
    -m ${memoryMiB},slots=10,maxmem=${mostMemoryMiB}M
    -display none
    -serial stdio
    -kernel ${image.vmlinuz}
    -initrd ${image.initrd}
    -append ${commandLine}
    -drive if=none,id=image,file=${image.image},format=raw,readonly=on
    -device virtio-blk-pci,drive=image`;
  const added = `-drive if=none,id=disk,file=${disk},format=raw,readonly=on,cache=writeback,aio=threads
    -device virtio-blk-pci,drive=disk`;
  // What a daemon serves has to be shared; a container's machine has a daemon beside its disk, too.
  const shared = `-object memory-backend-memfd,id=memory,size=${memoryMiB}M,share=on
    -machine memory-backend=memory`;
  const written = `-drive if=none,id=files,file=${root},format=raw,cache=writeback,aio=io_uring
    -device virtio-blk-pci,drive=files`;
  const card = `-netdev tap,id=net,ifname=${tap},script=no,downscript=no${vhost}
    -device virtio-net-pci,netdev=net,mac=${mac(1, 2)},romfile=`;
  const files = `-chardev socket,id=files,path=${shareSocket}
    -device vhost-user-fs-pci,chardev=files,tag=${shareTag}`;
  const extras = [
    disk && added,
    (root ?? shareSocket) && shared,
    root && written,
    pod && card,
    shareSocket && files,
  ].filter((extra) => typeof extra === "string");
  const lines = [options, ...extras].join("\n");
  const args = lines.split("\n").flatMap((line) => line.trim().split(/ (.*)/s, 2));
  const all = [...args, "-nodefaults", "-no-user-config"];
  const program = "qemu-system-x86_64";
  return pod === undefined ? [program, all] : ["nsenter", [`--net=${pod.namespace}`, program, ...all]];
}

function isThere(device: string): boolean {
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
