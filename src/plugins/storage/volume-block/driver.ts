import type { VolumeDriver } from "../../../core/contracts/volume.js";
import { hostBlockDevice } from "../../../core/disks/host-block-device.js";
import type { PluginContext } from "../../../core/plugin/context.js";
import { BlockVolume } from "./block-volume.js";
import { matchBlockVolume } from "./match.js";

/** Makes volumes of this kind. */
export const blockVolumes = ({ sys }: PluginContext): VolumeDriver => ({
  name: "block",
  match: matchBlockVolume,
  create: (request) => new BlockVolume(request, (path) => hostBlockDevice(sys, path)),
});
