import { accessSync, constants } from "node:fs";
import type { Context } from "mocha";
import { probeKvm } from "../../src/core/kvm/probe.js";
import { skip } from "./skip.js";

/** Skips what needs KVM that runs whole guests, where it does not. */
export async function needsRealKvm(context: Context): Promise<void> {
  const { usable, reason } = await probeKvm();
  if (!usable) skip(context, reason);
}

/** Skips what needs `/dev/kvm`, whatever it can run, where it is not. */
export function needsKvmDevice(context: Context): void {
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
  } catch {
    skip(context, "there is no /dev/kvm here");
  }
}
