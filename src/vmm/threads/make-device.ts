import type { Sys } from "../../core/sys/sys.js";
import type { VirtioDevice } from "../virtio/device.js";
import type { DeviceSpec } from "./device-spec.js";

/** Makes the device that a spec describes. */
export function makeDevice(_sys: Sys, spec: DeviceSpec): VirtioDevice {
  throw new Error(`no ${spec.kind}`);
}
