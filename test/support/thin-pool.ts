import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "mocha";
import { inHostVm } from "./host-vm/needs-host-vm.js";
import { skip } from "./skip.js";

/** Skips what needs the kernel's device mapper, where it is not, and anywhere but in the host machine. */
export function needsDeviceMapper(context: Context): void {
  if (!inHostVm()) skip(context, "it makes devices of the device mapper: runs in the host machine");
  if (!existsSync("/dev/mapper/control")) skip(context, "this kernel has no device mapper");
}

const mib = 2 ** 20;

/** The pool's own number of the volume that fills it; containerd's go up from 1. */
const fillerId = 2 ** 23;

const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: "utf8", stdio: "pipe" }).trim();

/** Those of the device mapper; asked again when one goes while dmsetup(8) looks at it, which it takes for an error. */
function mappedDevices(): string {
  for (let tries = 10; ; tries--) {
    try {
      return run("dmsetup", "info", "--columns", "--noheadings", "--options", "name,open", "--sort", "name");
    } catch (error) {
      if (tries === 0 || !String(error).includes("Device does not exist")) throw error;
    }
  }
}

/**
 * A pool of thin volumes on two files, for containerd's devmapper snapshotter. Where it is full a write fails at once: by
 * default the kernel lets it wait for a minute.
 */
export class ThinPool {
  readonly name: string;
  readonly #directory = mkdtempSync(join(tmpdir(), "kata-ts-pool-"));
  readonly #loops: readonly string[];

  constructor(name: string, sizeMiB: number) {
    this.name = name;
    this.#loops = [this.#loop("data", sizeMiB), this.#loop("metadata", 16)];
    const [data = "", metadata = ""] = this.#loops;
    // Kernel's Documentation/admin-guide/device-mapper/thin-provisioning: blocks of 64 KiB, no mark of low water.
    const table = `thin-pool ${metadata} ${data} 128 0 1 error_if_no_space`;
    run("dmsetup", "create", name, "--table", `0 ${run("blockdev", "--getsz", data)} ${table}`);
  }

  /** What containerd's configuration says of it. */
  lines(root: string): readonly string[] {
    return [
      '[plugins."io.containerd.snapshotter.v1.devmapper"]',
      `  root_path = "${root}/devmapper"`,
      `  pool_name = "${this.name}"`,
      '  base_image_size = "64MB"',
    ];
  }

  /** Devices of this machine's device mapper with how often each is open, and files behind loop devices. */
  devices(): readonly string[] {
    return [
      ...mappedDevices().split("\n"),
      ...run("losetup", "--all", "--noheadings", "--output", "NAME,BACK-FILE").split("\n"),
    ];
  }

  /** Fills it with a volume of its own; gives what removes that. */
  fill(): () => void {
    const filler = `${this.name}-filler`;
    run("dmsetup", "message", this.name, "0", `create_thin ${fillerId}`);
    run("dmsetup", "create", filler, "--table", `0 ${2 ** 24} thin /dev/mapper/${this.name} ${fillerId}`);
    const { stderr } = spawnSync("dd", ["if=/dev/zero", `of=/dev/mapper/${filler}`, "bs=1M", "oflag=direct"], {
      encoding: "utf8",
    });
    if (!/No space|Input\/output error/.test(stderr)) throw new Error(`the pool is not full: ${stderr}`);
    return () => {
      run("dmsetup", "remove", "--retry", filler);
      run("dmsetup", "message", this.name, "0", `delete ${fillerId}`);
    };
  }

  /** Removes it with all its volumes. */
  close(): void {
    const names = run("dmsetup", "ls").match(/^\S+(?=\t)/gm) ?? [];
    for (const name of names.filter((one) => one.startsWith(`${this.name}-`)))
      run("dmsetup", "remove", "--retry", name);
    run("dmsetup", "remove", "--retry", this.name);
    for (const loop of this.#loops) run("losetup", "--detach", loop);
    rmSync(this.#directory, { recursive: true });
  }

  #loop(name: string, sizeMiB: number): string {
    const path = join(this.#directory, name);
    writeFileSync(path, "");
    truncateSync(path, sizeMiB * mib);
    return run("losetup", "--find", "--show", path);
  }
}
