import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { hostBlockDevice } from "../../../core/disks/host-block-device.js";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";
import { DirectVolume } from "./direct-volume.js";
import { matchDirectVolume } from "./match.js";
import { directVolumesRoot } from "./mount-info.js";

/** Volumes that a CSI driver assigns to machines directly: it says beside the mount which disk it is. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "direct",
  config: noConfig,
  create: ({ sys }) => ({
    name: "direct",
    match: (request: VolumeRequest) => matchDirectVolume(request, directVolumesRoot),
    create: (request: VolumeRequest) =>
      new DirectVolume({ sys, root: directVolumesRoot, deviceAt: (path) => hostBlockDevice(sys, path) }, request),
  }),
});
