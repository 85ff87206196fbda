import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";
import { LocalVolume } from "./local-volume.js";
import { matchLocal } from "./match.js";

/** Volumes that begin empty (`emptyDir`), where nothing is shared with the guest: a directory of the guest's own. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "local",
  config: noConfig,
  create: () => ({
    name: "local",
    match: matchLocal,
    create: (request: VolumeRequest) => new LocalVolume(request),
  }),
});
