import type { Context } from "mocha";
import { skip } from "../skip.js";

/** Set in the environment of what runs in the host machine. */
export const hostVmVariable = "KATA_TS_HOST_VM";

/** Whether this is the host machine. All takes long in it, it being emulated. */
export const inHostVm = (): boolean => process.env[hostVmVariable] === "1";

/** Skips what takes devices of the machine that it runs on, anywhere but in the host machine. */
export function needsHostVm(context: Context): void {
  if (!inHostVm()) skip(context, "it takes network cards from the host: runs in the host machine");
}
