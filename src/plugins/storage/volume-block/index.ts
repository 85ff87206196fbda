import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { hostBlockDevice } from "../../../core/disks/host-block-device.js";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";
import { BlockVolume } from "./block-volume.js";
import { matchBlockVolume } from "./match.js";

/** Block devices of the host: mounted by the guest as file systems, or bound into containers as what they are. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "block",
  config: noConfig,
  create: ({ sys }) => ({
    name: "block",
    match: matchBlockVolume,
    create: (request: VolumeRequest) => new BlockVolume(request, (path) => hostBlockDevice(sys, path)),
  }),
});
