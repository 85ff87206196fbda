import { splitKernelParams } from "../config/kernel-params.js";
import { hypervisorErrors } from "./errors.js";

/** Bytes of a command line that an x86 kernel reads, its final zero not counted; it cuts off the rest without a word. */
const longest = 2047;

/** What the guest's command line is made of, in this order. */
export interface CommandLineParts {
  /** Name of the hypervisor, whose table has `kernel_params`. */
  readonly hypervisor: string;
  /** Has the kernel tell all it does on the console. */
  readonly debug: boolean;
  /** What the machine needs. */
  readonly machine: readonly string[];
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

/** The guest kernel's command line; `KATA_HYPERVISOR_COMMAND_LINE` when it would be cut off. */
export function kernelCommandLine({ hypervisor, debug, machine, root, added, configured }: CommandLineParts): string {
  const quiet = debug ? [] : ["quiet"];
  const line = [...base, ...quiet, ...machine, ...root, ...added, ...splitKernelParams(configured)].join(" ");
  const length = Buffer.byteLength(line);
  if (length > longest) throw hypervisorErrors.KATA_HYPERVISOR_COMMAND_LINE({ hypervisor, length, limit: longest });
  return line;
}
