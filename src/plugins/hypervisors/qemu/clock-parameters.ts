import { readFileSync } from "node:fs";
import type { MachineType } from "./machine-type.js";

/** The speed of this host's time-stamp counter, in kHz, as its kernel shows it. */
function hostTscKhz(): number | undefined {
  const shown = /^cpu MHz\s*:\s*([\d.]+)$/m.exec(readFileSync("/proc/cpuinfo", "latin1"))?.[1];
  return shown === undefined ? undefined : Math.round(Number(shown) * 1000);
}

/**
 * A microvm has no timer to measure the time-stamp counter by. KVM tells the guest its speed; under emulation nothing does,
 * and the kernel would wait for ever: it is told what the host's kernel shows, so that its clock is off by as much as that.
 */
export function clockParameters(machineType: MachineType, accelerator: "kvm" | "tcg"): string[] {
  if (machineType !== "microvm" || accelerator !== "tcg") return [];
  const khz = hostTscKhz();
  return khz === undefined ? [] : [`tsc_early_khz=${khz}`];
}
