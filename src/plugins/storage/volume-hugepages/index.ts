import type { VolumeRequest } from "../../../core/contracts/volume.js";
import { definePlugin } from "../../../core/plugin/plugin.js";
import { noConfig } from "../../../core/plugin/standard-schema.js";
import { hostHugePages } from "./host-huge-pages.js";
import { HugePagesVolume } from "./huge-pages-volume.js";
import { matchHugePages } from "./match.js";

/** Volumes of huge pages (`emptyDir` with `medium: HugePages`): the guest's, not the host's. */
export const plugin = definePlugin({
  api: 1,
  kind: "volume",
  name: "hugepages",
  config: noConfig,
  create: ({ sys }) => ({
    name: "hugepages",
    match: (request: VolumeRequest) => matchHugePages(request, (path) => hostHugePages(sys, path)),
    create: (request: VolumeRequest) => new HugePagesVolume(request, (path) => hostHugePages(sys, path)),
  }),
});
