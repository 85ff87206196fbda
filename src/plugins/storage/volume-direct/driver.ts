import type { VolumeDriver } from "../../../core/contracts/volume.js";
import { hostBlockDevice } from "../../../core/disks/host-block-device.js";
import type { PluginContext } from "../../../core/plugin/context.js";
import { DirectVolume } from "./direct-volume.js";
import { matchDirectVolume } from "./match.js";

/** Makes volumes of this kind. */
export const directVolumes = ({ sys, roots: { directVolumes: root } }: PluginContext): VolumeDriver => ({
  name: "direct",
  match: (request) => matchDirectVolume(request, root),
  create: (request) => new DirectVolume({ sys, root, deviceAt: (path) => hostBlockDevice(sys, path) }, request),
});
