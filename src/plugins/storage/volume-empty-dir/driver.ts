import type { VolumeDriver } from "../../../core/contracts/volume.js";
import type { PluginContext } from "../../../core/plugin/context.js";
import { EmptyDirDisks } from "./empty-dir-disks.js";
import { EmptyDirVolume } from "./empty-dir-volume.js";
import { matchEmptyDir } from "./match.js";

/** Makes volumes of this kind. */
export const emptyDirVolumes = ({ sys, scope, config, sandbox }: PluginContext): VolumeDriver => ({
  name: "empty-dir",
  match: (request) => matchEmptyDir(request, config.runtime.emptydir_mode),
  create: (request) =>
    new EmptyDirVolume(request, (disks) => EmptyDirDisks.of(disks, { sys, scope, record: sandbox?.record })),
});
