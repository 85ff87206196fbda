import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { checkHost } from "./check-host.js";
import { emptyDirConfig } from "./config.js";
import { EmptyDirDisks } from "./empty-dir-disks.js";
import { EmptyDirVolume } from "./empty-dir-volume.js";
import { matchEmptyDir } from "./match.js";

/** `runtime.emptydir_mode = "block-plain"`: volumes that begin empty (`emptyDir`) are disks of the machine, in files of the host. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "empty-dir",
  config: emptyDirConfig,
  check: checkHost,
  create: ({ sys, scope, config, sandbox }) => ({
    name: "empty-dir",
    match: (request: VolumeRequest) => matchEmptyDir(request, config.runtime.emptydir_mode),
    create: (request: VolumeRequest) =>
      new EmptyDirVolume(request, (disks) => EmptyDirDisks.of(disks, { sys, scope, record: sandbox?.record })),
  }),
});
