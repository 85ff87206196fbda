import { spawn } from "node:child_process";
import { withDeadline } from "../../../src/core/deadline.js";

/** A machine to boot. */
export interface GuestMachine {
  readonly kernel: string;
  readonly initrd: string;
  /** Words of the kernel's command line, besides those that every boot here has. */
  readonly parameters: readonly string[];
  /** Further arguments of QEMU: the disk among them. */
  readonly devices: readonly string[];
}

/** Milliseconds a guest may take, on a machine that is busy with other things too. */
const patience = 90_000;

const machine = ["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max,erms=off"];
const bare = ["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot"];

/** Arguments that give a file as the first virtio disk, read-only. */
export const firstDisk = (path: string): string[] => [
  "-drive",
  `if=none,id=image,file=${path},format=raw,readonly=on`,
  "-device",
  "virtio-blk-pci,drive=image",
];

/** Boots a machine until its console shows what is awaited; that line. The machine is gone when this ends. */
export async function bootUntil(guest: GuestMachine, awaited: RegExp): Promise<string> {
  const words = ["console=ttyS0", "quiet", "reboot=k", "panic=1", ...guest.parameters];
  const boot = ["-kernel", guest.kernel, "-initrd", guest.initrd, "-append", words.join(" ")];
  const memory = guest.devices.includes("-m") ? [] : ["-m", "256M"];
  const child = spawn("qemu-system-x86_64", [...machine, ...memory, ...bare, ...boot, ...guest.devices], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let shown = "";
  const context = (): string => `the console shows: ${shown.slice(-1000)}`;
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  try {
    return await withDeadline({ ms: patience, what: `${awaited.source} on the console`, context }, async (signal) => {
      return new Promise<string>((resolve, reject) => {
        const look = (chunk: Buffer): void => {
          shown += chunk.toString("utf8");
          const lines = shown.slice(0, shown.lastIndexOf("\n") + 1).split("\n");
          const found = lines.find((line) => awaited.test(line));
          if (found !== undefined) resolve(found.trim());
        };
        child.stdout.on("data", look);
        child.stderr.on("data", look);
        child.once("error", reject);
        signal.addEventListener("abort", () => reject(signal.reason as Error));
        void ended.then(() => reject(new Error(`the machine ended; ${context()}`)));
      });
    });
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}
