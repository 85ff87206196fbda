import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { architectureOf } from "../../../guest/image/architecture.js";
import { KernelModules } from "../../../guest/image/kernel-modules.js";
import { findKernel } from "../../../guest/image/kernel-package.js";
import { codeOf } from "../../../src/core/errors/error.js";
import { silentLogger } from "../../../src/core/log.js";
import { SandboxRecord } from "../../../src/core/sandbox/record.js";
import { createLinuxSys } from "../../../src/core/sys/linux/index.js";
import { Daemon } from "../../../src/plugins/storage/virtio-fs/daemon.js";
import { findDaemon } from "../../../src/plugins/storage/virtio-fs/find-daemon.js";
import { bootArchive, firstProgram, shareTags, statusFile } from "./boot-archive.js";
import { firstProgramText, type HostVmCommand } from "./first-program.js";

/** A machine and what is run in it. */
export interface HostVmRequest extends HostVmCommand {
  /** Where the command finds `outDirectory`; what it leaves there is here afterwards. */
  readonly out: string;
  readonly memoryMiB: number;
  readonly cpus: number;
  /** Milliseconds for all of it. */
  readonly ms: number;
}

/** Where the machine's network cards are. */
export const cardAddresses = ["0000:00:16.0", "0000:00:17.0"] as const;

/** Lines of the console that are shown when the machine did not come up. */
const shownLines = 15;

/**
 * Runs a command as root on a host that has what this machine's kernel may lack: a KVM that runs real guests, an IOMMU,
 * cgroups of version 2 alone, vhost-vsock, vhost-net, ipvlan, VLANs. It is a virtual machine under emulation, with the
 * distribution's kernel, over this machine's own files, which it cannot change. Its output is shown; the command's exit
 * status is the answer.
 *
 * It has two network cards, `cardAddresses`, behind an IOMMU: they are joined with each other, and with nothing else.
 */
export async function runInHostVm(request: HostVmRequest): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "kata-ts-host-vm-"));
  const daemons: Daemon[] = [];
  try {
    const kernel = await findKernel(architectureOf(process.arch), directory);
    const archive = join(directory, "boot");
    writeFileSync(archive, await bootArchive(new KernelModules(kernel.modules, kernel.release), "/bin/busybox"));
    const own = join(request.out, basename(firstProgram));
    writeFileSync(own, firstProgramText(request));
    const record = SandboxRecord.create(directory, { namespace: "test", id: "host-vm" });
    const daemon = await findDaemon({ daemon: undefined, daemonWhere: "" });
    for (const [tag, source] of [
      [shareTags.root, "/"],
      [shareTags.out, request.out],
    ] as const) {
      const command = {
        flavour: daemon.flavour,
        source,
        sandbox: "chroot",
        cache: "auto",
        extra: [],
        where: "",
      } as const;
      const socket = join(directory, tag);
      const parts = { sys: createLinuxSys(), log: silentLogger, record, path: daemon.path, socket, command };
      daemons.push(await Daemon.spawn(parts));
    }
    await runMachine(request, { kernel: kernel.image, archive, directory });
    rmSync(own);
    return readStatus(request, directory);
  } finally {
    for (const one of daemons) await one.end();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface MachineFiles {
  readonly kernel: string;
  readonly archive: string;
  readonly directory: string;
}

/** QEMU's command line: an option and its value a line. */
function machineArguments({ memoryMiB, cpus }: HostVmRequest, { kernel, archive, directory }: MachineFiles): string[] {
  const share = (tag: string) => `-chardev socket,id=${tag},path=${join(directory, tag)}
    -device vhost-user-fs-pci,chardev=${tag},tag=${tag}`;
  // Datagrams, so that an end that nobody reads from holds nothing up.
  const end = (side: "local" | "remote", number: number) =>
    `${side}.type=unix,${side}.path=${join(directory, `wire${number}`)}`;
  const card = (number: 0 | 1) => `-netdev dgram,id=card${number},${end("local", number)},${end("remote", 1 - number)}
    -device virtio-net-pci-non-transitional,netdev=card${number},addr=${cardAddresses[number].slice(8)},iommu_platform=on,romfile=`;
  // All of its processors have one time stamp counter, which its kernel does not believe by itself: clocks are read as devices
  // are then. QEMU also mixes up less often what is a guest's processor and what the one that runs it.
  const lines = `-machine q35,memory-backend=memory,usb=off
    -accel tcg,thread=multi,tb-size=512
    -cpu max,la57=off
    -smp ${cpus}
    -m ${memoryMiB}
    -object memory-backend-memfd,id=memory,size=${memoryMiB}M,share=on
    -device intel-iommu,intremap=on
    ${Object.values(shareTags).map(share).join("\n")}
    -device virtio-serial-pci,max_ports=1
    -chardev stdio,id=output,signal=off
    -device virtconsole,chardev=output
    ${card(0)}
    ${card(1)}
    -display none
    -serial file:${join(directory, "console")}
    -kernel ${kernel}
    -initrd ${archive}
    -append console=ttyS0 panic=-1 softlockup_panic=1 watchdog_thresh=60 tsc=reliable mitigations=off intel_iommu=on quiet`;
  const pairs = lines.split("\n").map((line) => line.trim().split(/ (.*)/s, 2));
  return [...pairs.flat(), "-nodefaults", "-no-user-config", "-no-reboot"];
}

async function runMachine(request: HostVmRequest, files: MachineFiles): Promise<void> {
  const { ms } = request;
  const machine = spawn("qemu-system-x86_64", machineArguments(request, files), {
    stdio: ["ignore", "inherit", "inherit"],
    timeout: ms,
    killSignal: "SIGKILL",
  });
  const [, signal] = (await once(machine, "exit")) as [number | null, string | null];
  if (signal !== null) throw new Error(`the host machine had not ended after ${ms / 1000} s`);
}

function readStatus({ out }: HostVmRequest, directory: string): number {
  const file = join(out, statusFile);
  try {
    const status = Number(readFileSync(file, "utf8"));
    rmSync(file);
    return status;
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    const lines = readFileSync(join(directory, "console"), "utf8").trimEnd().split("\n").slice(-shownLines);
    throw new Error(`the host machine did not come up; its console ends:\n${lines.join("\n")}`, { cause: error });
  }
}
