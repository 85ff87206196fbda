import type { Sys } from "../../core/sys/sys.js";
import type { DeviceSpec } from "./device-spec.js";

/** Closes the descriptors that a device's spec brings along, for a device that was never made of it. */
export function closeSpec(sys: Pick<Sys, "descriptors">, spec: DeviceSpec): void {
  if (spec.kind === "card") for (const fd of spec.taps) sys.descriptors.close(fd);
}
