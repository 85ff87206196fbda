import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";
import { matchSystem } from "./match.js";
import { SystemVolume } from "./system-volume.js";

/** Mounts that the guest makes by itself, exactly as the spec has them: proc, sysfs, tmpfs, devpts, mqueue, cgroups. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "system",
  config: noConfig,
  create: () => ({
    name: "system",
    match: matchSystem,
    create: (request: VolumeRequest) => new SystemVolume(request),
  }),
});
