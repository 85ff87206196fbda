import { readFileSync } from "node:fs";
import { splitKernelParams } from "../../../core/config/kernel-params.js";
import type { MachineType } from "./bus.js";
import { qemuErrors } from "./errors.js";

/** Bytes of a command line that an x86 kernel reads, its final zero not counted; it cuts off the rest without a word. */
const longest = 2047;

/** What the guest's command line is made of. */
export interface KernelParameterParts {
  readonly machineType: MachineType;
  readonly accelerator: "kvm" | "tcg";
  /** Has the kernel tell all it does on the console. */
  readonly debug: boolean;
  /** What names the root disk. */
  readonly root: readonly string[];
  /** What the caller adds. */
  readonly added: readonly string[];
  /** `kernel_params` of the configuration; the last word on everything. */
  readonly configured: string;
}

// As Kata's: a guest that ends shall end the machine, and Kata's image finds its service by the target. Kata's reboot=k asks
// a keyboard controller, which these machines do not have; its panic=1 waits a second before it does.
const base = [
  "reboot=t",
  "panic=-1",
  "systemd.unit=kata-containers.target",
  "systemd.mask=systemd-networkd.service",
  "systemd.mask=systemd-networkd.socket",
  "console=ttyS0",
];

/** The speed of this host's time-stamp counter, in kHz, as its kernel shows it. */
function hostTscKhz(): number | undefined {
  const shown = /^cpu MHz\s*:\s*([\d.]+)$/m.exec(readFileSync("/proc/cpuinfo", "latin1"))?.[1];
  return shown === undefined ? undefined : Math.round(Number(shown) * 1000);
}

/**
 * A microvm has no timer to measure the time-stamp counter by. KVM tells the guest its speed; under emulation nothing does,
 * and the kernel would wait for ever: it is told what the host's kernel shows, so that its clock is off by as much as that.
 */
function clock({ machineType, accelerator }: KernelParameterParts): string[] {
  if (machineType !== "microvm" || accelerator !== "tcg") return [];
  const khz = hostTscKhz();
  return khz === undefined ? [] : [`tsc_early_khz=${khz}`];
}

/** The guest kernel's command line; `KATA_QEMU_COMMAND_LINE` when it would be cut off. */
export function kernelCommandLine(parts: KernelParameterParts): string {
  const quiet = parts.debug ? [] : ["quiet"];
  const words = [...base, ...quiet, ...clock(parts), ...parts.root, ...parts.added];
  const line = [...words, ...splitKernelParams(parts.configured)].join(" ");
  const length = Buffer.byteLength(line);
  if (length > longest) throw qemuErrors.KATA_QEMU_COMMAND_LINE({ length, limit: longest });
  return line;
}
